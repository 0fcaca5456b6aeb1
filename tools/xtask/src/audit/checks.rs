//! What is looked at, in order: first what only looks, then what changes the demo, last what reads what came of it.
//! In: nothing. Out: a table. One line adds a check.

use anyhow::Result;

use super::report::Outcome;
use super::scene::Scene;
use super::tool::Raw;
use super::{api, crawl, doors, fuzz, inbound, logs, observatory, screens, supply};

/// One kind of check.
pub struct Kind {
    /// Short, as `--only` takes it.
    pub id: &'static str,
    /// For people.
    pub title: &'static str,
    /// The program that looks.
    pub tool: &'static str,
    /// At what.
    pub looked_at: &'static str,
    /// Whether the demo must run.
    pub demo: bool,
    /// Looks.
    pub run: fn(&Scene<'_>, &mut Raw) -> Result<Outcome>,
}

/// All of them.
pub const CHECKS: &[Kind] = &[
    Kind {
        id: "sslyze-people",
        title: "TLS of the people's door, by sslyze",
        tool: "sslyze",
        looked_at: "Port of both doors, server name localhost: protocols, suites, curves, compression, \
                    resumption, early data, known attacks, against the table of what this door offers.",
        demo: true,
        run: doors::sslyze::people,
    },
    Kind {
        id: "sslyze-device",
        title: "TLS of the device door, by sslyze",
        tool: "sslyze",
        looked_at: "The same port, server name 127.0.0.1, with the certificate of a device of the demo, and \
                    once without one.",
        demo: true,
        run: doors::sslyze::device,
    },
    Kind {
        id: "testssl-people",
        title: "TLS of the people's door, by testssl.sh",
        tool: "testssl.sh",
        looked_at: "As sslyze, by a program that writes its handshakes itself: protocols, suites, certificate, \
                    headers and every attack that it knows.",
        demo: true,
        run: doors::testssl::people,
    },
    Kind {
        id: "testssl-device",
        title: "TLS of the device door, by testssl.sh",
        tool: "testssl.sh",
        looked_at: "The device door as somebody without a certificate sees it.",
        demo: true,
        run: doors::testssl::device,
    },
    Kind {
        id: "observatory",
        title: "Headers by the rules of Mozilla's HTTP observatory",
        tool: "mdn-http-observatory",
        looked_at: "Sign-in, fleet, alarms and security page, the last three signed in. The rules alone, without \
                    the observatory's score.",
        demo: true,
        run: observatory::run,
    },
    Kind {
        id: "axe",
        title: "Every screen, by axe",
        tool: "axe-core",
        looked_at: "Every screen of the browser flows at 320, 390 and 1280 px, light and dark: axe, nothing \
                    sticks out, targets of 44 px, no request to anybody else.",
        demo: true,
        run: screens::run,
    },
    Kind {
        id: "inbound",
        title: "Open ports of a gateway, by nmap",
        tool: "nmap",
        looked_at: "A gateway that delivers readings, in a network namespace of its own, from a neighbour on its \
                    network: every TCP port, the 200 most usual UDP ports.",
        demo: true,
        run: inbound::run,
    },
    Kind {
        id: "api-read",
        title: "The API with a token to read, by schemathesis",
        tool: "schemathesis",
        looked_at: "Every operation of the OpenAPI document, with input that fits it and input that does not; \
                    changes must be refused as it says.",
        demo: true,
        run: api::read,
    },
    Kind {
        id: "api-write",
        title: "The API with a token to change, by schemathesis",
        tool: "schemathesis",
        looked_at: "As before, with a token to read and change, and the id of an inverter that it may change.",
        demo: true,
        run: api::write,
    },
    Kind {
        id: "api-session",
        title: "The API with a session, by schemathesis",
        tool: "schemathesis",
        looked_at: "What no token may do: what one is told, read and changed with the cookie of a session.",
        demo: true,
        run: api::session,
    },
    Kind {
        id: "wapiti",
        title: "The pages as somebody who is signed in, by wapiti",
        tool: "wapiti",
        looked_at: "Every page and form that the demo's account reaches, but for those that end its session: \
                    injection, scripting, traversal, redirects, uploads, methods. Without its modules that ask a \
                    service of its makers.",
        demo: true,
        run: crawl::run,
    },
    Kind {
        id: "logs",
        title: "What the demo's programs wrote meanwhile",
        tool: "none but ours",
        looked_at: "The logs of cloud, gateways and simulated inverters after all of the above: a panic is a \
                    finding, whatever was answered.",
        demo: true,
        run: logs::run,
    },
    Kind {
        id: "deny",
        title: "Licences, bans and sources of dependencies",
        tool: "cargo-deny",
        looked_at: "Cargo.lock with all features, against deny.toml.",
        demo: false,
        run: supply::deny,
    },
    Kind {
        id: "advisories",
        title: "Known weaknesses of dependencies",
        tool: "cargo-audit",
        looked_at: "Cargo.lock against a copy of the RustSec advisory database.",
        demo: false,
        run: supply::advisories,
    },
    Kind {
        id: "fuzz",
        title: "Mutated input for every decoder",
        tool: "fuzz targets",
        looked_at: "Native frames, VE.Direct, MATE, reports in CBOR and JSON, MQTT from both sides: a panic or \
                    an input that takes longer than two seconds is a finding.",
        demo: false,
        run: fuzz::run,
    },
];
