//! The walls between the crates, as tables.
//! In: cargo's resolved graph and the sources. Out: each import or word on the wrong side.
//! A wall may be moved when a better house is found: change the row, and say why in docs/adr.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, Metadata, PackageId};

use super::Finding;
use super::source::{Source, has_word};

/// What one crate may import.
struct Room {
    name: &'static str,
    /// Crates of this workspace that it may import; every other one is forbidden.
    ours: &'static [&'static str],
    /// If given, the only foreign crates that it may import directly.
    only: Option<&'static [&'static str]>,
    /// Foreign crates that it must not import directly.
    never: &'static [&'static str],
    /// Crates that must not be linked into it at all, through whatever chain.
    never_linked: &'static [&'static str],
}

const SQL: &[&str] = &["rusqlite", "libsqlite3-sys", "sea-orm", "sea-orm-migration", "sqlx", "sea-query"];
const RUN_TIME_AND_SQL: &[&str] = &[
    "tokio",
    "mio",
    "socket2",
    "hyper",
    "axum",
    "rustls",
    "ureq",
    "rustix",
    "rusqlite",
    "libsqlite3-sys",
    "sea-orm",
    "sqlx-core",
];
const ASYNC_AND_SERVERS: &[&str] =
    &["tokio", "mio", "hyper", "axum", "axum-core", "h2", "rusqlite", "sqlx-core"];

const ROOMS: &[Room] = &[
    Room {
        name: "wire",
        ours: &[],
        only: Some(&["minicbor", "serde", "serde_json", "thiserror", "crc", "cobs"]),
        never: &[],
        never_linked: RUN_TIME_AND_SQL,
    },
    Room {
        name: "gateway",
        ours: &["driven-clock", "wire"],
        only: None,
        never: SQL,
        never_linked: ASYNC_AND_SERVERS,
    },
    Room { name: "fleet", ours: &["wire"], only: None, never: SQL, never_linked: RUN_TIME_AND_SQL },
    Room {
        name: "store",
        ours: &["fleet", "wire"],
        only: None,
        never: &["axum", "hyper", "http", "tower", "tower-http", "askama", "rustls", "tungstenite", "lettre"],
        never_linked: &["axum", "axum-core", "hyper", "h2"],
    },
    Room {
        name: "web",
        ours: &["fleet", "store", "wire"],
        only: None,
        never: &[
            "rusqlite",
            "libsqlite3-sys",
            "sqlx",
            "sea-orm",
            "sea-orm-migration",
            "rustls",
            "tokio-rustls",
            "tungstenite",
            "lettre",
        ],
        never_linked: &[],
    },
    Room {
        name: "server",
        ours: &["driven-clock", "fleet", "store", "web", "wire"],
        only: None,
        never: &["rusqlite", "libsqlite3-sys", "sqlx", "sea-orm", "sea-orm-migration", "askama"],
        never_linked: &[],
    },
    Room {
        name: "simulator",
        ours: &["wire"],
        only: None,
        never: SQL,
        never_linked: &["rusqlite", "sqlx-core"],
    },
    // The bench's sink is SQLite and nothing else, so it may hold a driver.
    Room {
        name: "bench",
        ours: &["fleet", "simulator", "store", "wire"],
        only: None,
        never: &["sea-orm", "sqlx", "axum"],
        never_linked: &[],
    },
    Room {
        name: "driven-clock",
        ours: &["wire"],
        only: Some(&["rustix", "thiserror"]),
        never: &[],
        never_linked: ASYNC_AND_SERVERS,
    },
    Room { name: "xtask", ours: &[], only: None, never: SQL, never_linked: &["rusqlite", "axum"] },
];

/// A word that must not stand in a crate's own code (comments, strings and tests aside).
struct Ban {
    /// The folder whose sources are searched.
    below: &'static str,
    word: &'static str,
    why: &'static str,
}

const BANS: &[Ban] = &[
    Ban { below: "site/gateway/src", word: "bind", why: "the gateway listens on nothing" },
    Ban { below: "site/gateway/src", word: "listen", why: "the gateway listens on nothing" },
    Ban { below: "site/gateway/src", word: "TcpListener", why: "the gateway listens on nothing" },
    Ban { below: "site/gateway/src", word: "UnixListener", why: "the gateway listens on nothing" },
    Ban { below: "site/gateway/src", word: "UdpSocket", why: "the gateway speaks TCP outwards only" },
    Ban { below: "site/gateway/src", word: "Subscribe", why: "the gateway never subscribes" },
    Ban { below: "cloud/server/src", word: "Publish {", why: "the cloud publishes nothing to a device" },
    Ban { below: "cloud/server/src", word: "publish.encode", why: "the cloud publishes nothing to a device" },
    Ban { below: "wire/src", word: "std::", why: "wire is no_std: no I/O, no clock" },
    Ban { below: "wire/src", word: "async fn", why: "wire is sans-I/O" },
    Ban { below: "wire/src", word: "HashMap", why: "hostile keys must not choose the cost" },
    Ban { below: "cloud/fleet/src", word: "async fn", why: "fleet is synchronous" },
    Ban { below: "cloud/fleet/src", word: "now()", why: "time is a parameter" },
    Ban { below: "cloud/fleet/src", word: "std::fs", why: "fleet does no I/O" },
    Ban { below: "cloud/fleet/src", word: "std::net", why: "fleet does no I/O" },
    Ban { below: "cloud/fleet/src", word: "std::thread", why: "fleet is pure" },
    Ban { below: "cloud/web/src", word: "wire::mqtt", why: "web never touches device bytes" },
    Ban { below: "cloud/web/src", word: "wire::report", why: "web never touches device bytes" },
    Ban { below: "cloud/store/src", word: "axum::", why: "store does not know HTTP" },
];

/// Imports on the wrong side of a wall.
pub fn check_graph(metadata: &Metadata) -> Vec<Finding> {
    let ours: BTreeMap<&str, &PackageId> =
        metadata.workspace_packages().iter().map(|package| (package.name.as_str(), &package.id)).collect();
    let known: BTreeSet<&str> = ROOMS.iter().map(|room| room.name).collect();
    let mut findings: Vec<Finding> = ours
        .keys()
        .filter(|name| !known.contains(*name))
        .map(|name| {
            format!("crate `{name}` has no row in the table of walls (tools/xtask/src/tidy/walls.rs)")
        })
        .collect();
    let graph = Graph::new(metadata);
    for room in ROOMS {
        let Some(id) = ours.get(room.name) else {
            findings.push(format!("the table of walls names `{}`, which is not in the workspace", room.name));
            continue;
        };
        findings.extend(check_room(room, &graph, id, &ours));
    }
    findings
}

fn check_room(
    room: &Room,
    graph: &Graph<'_>,
    id: &PackageId,
    ours: &BTreeMap<&str, &PackageId>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let direct = graph.direct(id);
    for name in &direct {
        if ours.contains_key(name) {
            if !room.ours.contains(name) {
                findings.push(format!(
                    "`{}` imports `{name}`; it may import only {:?} of ours",
                    room.name, room.ours
                ));
            }
        } else if room.only.is_some_and(|only| !only.contains(name)) || room.never.contains(name) {
            findings.push(format!("`{}` imports `{name}`, which its wall forbids", room.name));
        }
    }
    let linked = graph.linked(id);
    for name in room.never_linked.iter().filter(|name| linked.contains(**name)) {
        findings
            .push(format!("`{}` links `{name}` (see `cargo tree -p {} -i {name}`)", room.name, room.name));
    }
    findings
}

/// Words on the wrong side of a wall.
pub fn check_words(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources {
        for ban in BANS.iter().filter(|ban| source.path.starts_with(ban.below)) {
            for (line, _) in source.product_lines().filter(|(_, code)| has_word(code, ban.word)) {
                findings.push(format!("{}:{line}: `{}`: {}", source.path.display(), ban.word, ban.why));
            }
        }
    }
    findings
}

/// Names and edges of normal (linked) dependencies.
struct Graph<'a> {
    names: BTreeMap<&'a PackageId, &'a str>,
    edges: BTreeMap<&'a PackageId, Vec<&'a PackageId>>,
}

impl<'a> Graph<'a> {
    fn new(metadata: &'a Metadata) -> Self {
        let names = metadata.packages.iter().map(|package| (&package.id, package.name.as_str())).collect();
        let nodes = metadata.resolve.iter().flat_map(|resolve| &resolve.nodes);
        let edges = nodes.map(|node| {
            let normal = node.deps.iter().filter(|edge| {
                edge.dep_kinds
                    .iter()
                    .any(|kind| kind.kind == DependencyKind::Normal && applies(kind.target.as_ref()))
            });
            (&node.id, normal.map(|edge| &edge.pkg).collect())
        });
        Self { names, edges: edges.collect() }
    }

    fn direct(&self, id: &PackageId) -> BTreeSet<&'a str> {
        let edges = self.edges.get(id).into_iter().flatten();
        edges.filter_map(|dependency| self.names.get(*dependency).copied()).collect()
    }

    fn linked(&self, id: &PackageId) -> BTreeSet<&'a str> {
        let mut seen = BTreeSet::new();
        let mut open: Vec<&PackageId> = self.edges.get(id).into_iter().flatten().copied().collect();
        while let Some(next) = open.pop() {
            if seen.insert(next) {
                open.extend(self.edges.get(next).into_iter().flatten());
            }
        }
        seen.into_iter().filter_map(|id| self.names.get(id).copied()).collect()
    }
}

/// Whether an edge is for Linux: the others are in the lock file but never linked.
fn applies(target: Option<&cargo_metadata::cargo_platform::Platform>) -> bool {
    let shown = target.map(ToString::to_string).unwrap_or_default();
    !["windows", "wasm", "macos", "apple", "hermit", "redox", "wasi"]
        .iter()
        .any(|other| shown.contains(other) && !shown.contains("not(") && !shown.contains("unix"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_walls_of_this_workspace_hold_and_a_narrower_one_would_not() {
        let metadata = cargo_metadata::MetadataCommand::new()
            .manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
            .exec()
            .unwrap();
        assert_eq!(check_graph(&metadata), Vec::<Finding>::new());

        let graph = Graph::new(&metadata);
        let ours: BTreeMap<&str, &PackageId> = metadata
            .workspace_packages()
            .iter()
            .map(|package| (package.name.as_str(), &package.id))
            .collect();
        let narrow =
            Room { name: "fleet", ours: &[], only: Some(&[]), never: &[], never_linked: &["minicbor"] };
        let findings = check_room(&narrow, &graph, ours["fleet"], &ours);
        assert!(findings.iter().any(|finding| finding.contains("imports `wire`")), "{findings:?}");
        assert!(findings.iter().any(|finding| finding.contains("links `minicbor`")), "{findings:?}");
    }
}
