//! Who stands where: the sites and inverters of the demo, as on the mock screens.
//!
//! In: nothing. Out: tables. Adding an inverter is one entry.

use std::path::{Path, PathBuf};

/// A place with inverters.
pub struct Site {
    pub name: &'static str,
    pub address: &'static str,
    pub time_zone: &'static str,
}

pub const ST_BRENDAN: &str = "St. Brendan Medical Center";
pub const PIER_4: &str = "Pier 4 Convention Hall";
pub const LAKESHORE: &str = "Lakeshore Office Park";

pub const SITES: [Site; 3] = [
    Site { name: ST_BRENDAN, address: "1200 Harbor Ave", time_zone: "America/New_York" },
    Site { name: PIER_4, address: "4 Pier Rd", time_zone: "America/New_York" },
    Site { name: LAKESHORE, address: "88 Lakeshore Dr", time_zone: "America/Chicago" },
];

/// One inverter with its gateway.
pub struct Inverter {
    pub serial: &'static str,
    pub name: &'static str,
    pub model: &'static str,
    pub site: &'static str,
    pub line: Line,
    /// How its gateway reaches the cloud.
    pub scheme: Scheme,
    /// `read-write` or `read-only`.
    pub role: &'static str,
}

/// What is on its serial line.
pub enum Line {
    /// A simulated inverter.
    Played {
        /// In a gateway's configuration and on the simulator's command line.
        protocol: &'static str,
        /// Of the model, for `inverter` and `history` alike.
        model: &'static [&'static str],
        /// Console commands at the start.
        commands: &'static [&'static str],
        /// What happened in the last day: hours ago, and a console command.
        past: &'static [&'static str],
    },
    /// A recording, byte for byte.
    Recorded,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// MQTT in a WebSocket.
    Wss,
    /// MQTT by ALPN.
    Mqtts,
}

/// The one whose utility fails a few minutes in.
pub const FAILS: &str = "2311-00422";

/// Registered, granted, and without a gateway: for your own publisher.
pub const SPARE: &str = "2405-01300";

/// Registered and running, and nobody's yet: to be added by its button.
pub const UNPAIRED: Inverter = Inverter {
    serial: "2410-00077",
    name: "",
    model: E_10,
    site: "",
    line: native(&["--load", "48", "--age", "1", "--seed", "1873"], &[], &[]),
    scheme: Scheme::Wss,
    role: "",
};

const MATE_ADDRESSES: &str = "[\"1\", \"a\"]";

impl Line {
    pub const fn protocol(&self) -> &'static str {
        match self {
            Self::Played { protocol, .. } => protocol,
            Self::Recorded => "ve-direct",
        }
    }

    /// For `mate_addresses` in a gateway's configuration.
    pub fn addresses(&self) -> Option<&'static str> {
        (self.protocol() == "mate").then_some(MATE_ADDRESSES)
    }
}

const fn native(
    model: &'static [&'static str],
    commands: &'static [&'static str],
    past: &'static [&'static str],
) -> Line {
    Line::Played { protocol: "native", model, commands, past }
}

const E_5: &str = "Series E, 5 kW";
const E_10: &str = "Series E, 10 kW";
const E_16: &str = "Series E, 16.7 kW";
const EM: &str = "Series EM, 1.5 kW";

pub const INVERTERS: &[Inverter] = &[
    Inverter {
        serial: "2311-00421",
        name: "East Tower Level 7",
        model: E_10,
        site: ST_BRENDAN,
        line: native(
            &["--load", "82", "--age", "4", "--seed", "421"],
            &[],
            &["23 test annual", "13.2 mains off", "12.9 mains on", "6 test monthly"],
        ),
        scheme: Scheme::Wss,
        role: "read-write",
    },
    Inverter {
        serial: FAILS,
        name: "East Tower Level 2",
        model: E_10,
        site: ST_BRENDAN,
        line: native(
            &["--load", "85", "--age", "3", "--seed", "422"],
            &[],
            &["23 test annual", "13.2 mains off", "12.9 mains on"],
        ),
        scheme: Scheme::Wss,
        role: "read-write",
    },
    Inverter {
        serial: "2311-00425",
        name: "Emergency Department",
        model: E_16,
        site: ST_BRENDAN,
        line: native(
            &["--load", "78", "--age", "2", "--phases", "three", "--rated-w", "16700", "--seed", "425"],
            &[],
            &["23 test annual", "13.2 mains off", "12.9 mains on"],
        ),
        scheme: Scheme::Mqtts,
        role: "read-write",
    },
    Inverter {
        serial: "2312-00512",
        name: "Lab Wing",
        model: E_10,
        site: ST_BRENDAN,
        // Most likely it holds, and perhaps it does not.
        line: native(
            &["--load", "80", "--age", "6", "--seed", "512"],
            &["load 92"],
            &["23 test annual", "20 load 92", "4 test monthly"],
        ),
        scheme: Scheme::Wss,
        role: "read-only",
    },
    Inverter {
        serial: "2209-00170",
        name: "Hall A",
        model: E_16,
        site: PIER_4,
        line: native(
            &[
                "--load",
                "86",
                "--age",
                "2.5",
                "--phases",
                "three",
                "--rated-w",
                "16700",
                "--charge",
                "50",
                "--seed",
                "170",
            ],
            &[],
            &["24 charge 100", "1.7 test annual"],
        ),
        scheme: Scheme::Mqtts,
        role: "read-write",
    },
    Inverter {
        serial: "2209-00171",
        name: "Hall B",
        model: E_16,
        site: PIER_4,
        line: native(
            &[
                "--load",
                "72",
                "--age",
                "6",
                "--phases",
                "three",
                "--rated-w",
                "16700",
                "--charge",
                "46",
                "--seed",
                "171",
            ],
            &["fault charger"],
            &["24 charge 100", "23 test annual", "5 charge 49", "5 fault charger"],
        ),
        scheme: Scheme::Wss,
        role: "read-write",
    },
    Inverter {
        serial: "2210-00233",
        name: "Lobby",
        model: E_10,
        site: PIER_4,
        line: native(&["--load", "74", "--age", "2", "--seed", "233"], &["test annual"], &[]),
        scheme: Scheme::Wss,
        role: "read-write",
    },
    Inverter {
        serial: "2207-00088",
        name: "Plant Room Monitor",
        model: "Victron BMV-702, recorded",
        site: PIER_4,
        line: Line::Recorded,
        scheme: Scheme::Wss,
        role: "read-write",
    },
    Inverter {
        serial: "2408-01873",
        name: "Parking P1",
        model: E_5,
        site: LAKESHORE,
        line: native(
            &["--load", "81", "--age", "3", "--rated-w", "5000", "--ambient", "37", "--seed", "1873"],
            &["ambient 41.5"],
            &["2 ambient 41.5"],
        ),
        scheme: Scheme::Wss,
        role: "read-write",
    },
    Inverter {
        serial: "2306-00352",
        name: "Building 2",
        model: E_5,
        site: LAKESHORE,
        line: native(
            &["--load", "74", "--age", "5", "--rated-w", "5000", "--seed", "352"],
            &["load 31"],
            &["7.5 load 31"],
        ),
        scheme: Scheme::Mqtts,
        role: "read-only",
    },
    Inverter {
        serial: "2306-00351",
        name: "Building 1",
        model: E_5,
        site: LAKESHORE,
        line: Line::Played {
            protocol: "ve-direct",
            model: &[
                "--load",
                "79",
                "--age",
                "2",
                "--rated-w",
                "5000",
                "--voltage",
                "230",
                "--battery-v",
                "48",
                "--seed",
                "351",
            ],
            commands: &[],
            past: &[],
        },
        scheme: Scheme::Wss,
        role: "read-write",
    },
    Inverter {
        serial: "2405-01208",
        name: "Garage",
        model: EM,
        site: LAKESHORE,
        line: Line::Played {
            protocol: "mate",
            model: &[
                "--load",
                "58",
                "--age",
                "1",
                "--rated-w",
                "1500",
                "--voltage",
                "120",
                "--battery-v",
                "48",
                "--seed",
                "1208",
            ],
            commands: &[],
            past: &["13.2 mains off", "12.9 mains on"],
        },
        scheme: Scheme::Wss,
        role: "read-write",
    },
];

/// The recording to play: the real one of a BMV-702 where the captures are, else `None`.
///
/// `named` is what INVERTER_CONNECT_CAPTURES says; without it the folder `shared/captures` beside the project is tried.
pub fn recording(root: &Path, named: Option<PathBuf>) -> Option<PathBuf> {
    let beside = root.parent().map(|parent| parent.join("shared/captures"));
    let file = named.or(beside)?.join("vedirect-bvm702.dump");
    file.is_file().then_some(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_fit_together() {
        let mut serials: Vec<&str> =
            INVERTERS.iter().map(|inverter| inverter.serial).chain([SPARE]).collect();
        assert!(INVERTERS.len() >= 8 && serials.contains(&FAILS));
        serials.sort_unstable();
        serials.dedup();
        assert_eq!(serials.len(), INVERTERS.len() + 1, "a serial number is there twice");
        for inverter in INVERTERS {
            assert!(SITES.iter().any(|site| site.name == inverter.site), "{} is nowhere", inverter.name);
        }
        for protocol in ["native", "ve-direct", "mate"] {
            assert!(INVERTERS.iter().any(|inverter| inverter.line.protocol() == protocol), "no {protocol}");
        }
        assert!(INVERTERS.iter().any(|inverter| matches!(inverter.line, Line::Recorded)));
    }

    #[test]
    fn a_recording_is_found_where_it_was_said_to_be_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let named = || Some(folder.path().to_owned());
        assert_eq!(recording(Path::new("/"), named()), None);
        let file = folder.path().join("vedirect-bvm702.dump");
        std::fs::write(&file, "x").unwrap();
        assert_eq!(recording(Path::new("/"), named()), Some(file));
    }
}
