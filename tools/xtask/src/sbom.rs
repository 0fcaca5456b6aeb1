//! `cargo xtask sbom`: what the shipped programs are made of, as CycloneDX 1.6 (JSON).
//! In: cargo's tree of each program as a release build resolves it, `Cargo.lock`, the lock file of the pages' packages.
//! Out: one document with a component for each crate and package: version, licence, hash, purl, what depends on what.
//! The same sources give the same bytes; nothing is asked from the network.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use base64::Engine as _;
use cargo_metadata::{DependencyKind, Package, PackageId};
use serde_json::{Value, json};

use crate::place::Place;
use crate::shell;

/// Crates that are shipped, each with one program.
pub const SHIPPED: [&str; 2] = ["gateway", "server"];
/// Where the packages of the pages' scripts and styles are locked.
const PAGES: &str = "cloud/web/assets/package-lock.json";
const REPOSITORY: &str = "inverter-connect";

/// Where to write.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// The file; standard output unless given.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Writes the document.
pub fn run(place: &Place, args: &Args) -> Result<()> {
    let text = document(place, &Commit::here(&place.root)?)?;
    match &args.out {
        None => print!("{text}"),
        Some(file) => {
            std::fs::write(file, text).with_context(|| format!("writing {}", file.display()))?;
            println!("{} is written", file.display());
        }
    }
    Ok(())
}

/// The document, dated by the commit.
pub fn document(place: &Place, commit: &Commit) -> Result<String> {
    let packages = shipped(place)?;
    let hashes = hashes(&place.root)?;
    let kept: BTreeSet<&PackageId> = packages.iter().map(|package| &package.id).collect();
    let edges = edges(place, &kept)?;
    let ours = |package: &&&Package| package.source.is_none();
    let version = packages.iter().find(ours).map(|package| package.version.to_string()).unwrap_or_default();
    let mut components: Vec<Value> =
        packages.iter().map(|package| crate_component(package, &hashes)).collect();
    let pages = page_components(&place.root)?;
    components.extend(pages.iter().cloned());
    let mut dependencies: Vec<Value> = edges
        .iter()
        .map(|(from, to)| json!({ "ref": from, "dependsOn": to.iter().collect::<Vec<_>>() }))
        .collect();
    let roots: Vec<String> = packages.iter().filter(ours).map(|package| reference(package)).collect();
    dependencies.push(json!({ "ref": REPOSITORY, "dependsOn": roots }));
    let of_pages = pages.iter().filter_map(|page| page.get("bom-ref"));
    dependencies.extend(of_pages.map(|reference| json!({ "ref": reference, "dependsOn": [] })));
    let document = json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": commit.date,
            "tools": { "components": [{ "type": "application", "name": "cargo xtask sbom", "version": version }] },
            "component": {
                "type": "application", "bom-ref": REPOSITORY, "name": REPOSITORY, "version": version,
                "licenses": [{ "expression": "MIT OR Apache-2.0" }],
            },
        },
        "components": components,
        "dependencies": dependencies,
    });
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}

/// What is built.
pub struct Commit {
    /// Its full name.
    pub id: String,
    /// When it was made, seconds since 1970.
    pub seconds: u64,
    /// The same in words, RFC 3339.
    pub date: String,
}

impl Commit {
    /// The one that is checked out now.
    pub fn here(root: &Path) -> Result<Self> {
        let mut git = std::process::Command::new("git");
        git.args(["log", "-1", "--format=%H %ct %cd", "--date=format-local:%Y-%m-%dT%H:%M:%SZ"]);
        let said = shell::output(git.env("TZ", "UTC").current_dir(root))?;
        let (id, time) = said.trim().split_once(' ').context("git tells no commit")?;
        let (seconds, date) = time.split_once(' ').context("git tells no commit's time")?;
        Ok(Self { id: id.to_owned(), seconds: seconds.parse()?, date: date.to_owned() })
    }
}

/// Every package that a release build of a shipped program links or builds with, on this platform.
fn shipped(place: &Place) -> Result<Vec<&Package>> {
    let mut names = BTreeSet::new();
    for program in SHIPPED {
        let mut cargo = shell::cargo(&place.root);
        cargo.args(["tree", "--locked", "--package", program, "--edges", "normal,build", "--prefix", "none"]);
        let tree = shell::output(cargo.args(["--format", "{p}"]))?;
        for line in tree.lines() {
            let mut words = line.split(' ');
            if let (Some(name), Some(version)) = (words.next(), words.next()) {
                names.insert((name.to_owned(), version.trim_start_matches('v').to_owned()));
            }
        }
    }
    let wanted =
        |package: &&Package| names.contains(&(package.name.to_string(), package.version.to_string()));
    let mut packages: Vec<&Package> = place.metadata.packages.iter().filter(wanted).collect();
    packages.sort_by_key(|package| (package.name.to_string(), package.version.clone()));
    Ok(packages)
}

/// SHA-256 of each crate's archive, as the lock file holds it.
fn hashes(root: &Path) -> Result<BTreeMap<(String, String), String>> {
    let lock: toml::Table = std::fs::read_to_string(root.join("Cargo.lock"))?.parse()?;
    let packages =
        lock.get("package").and_then(toml::Value::as_array).context("Cargo.lock has no package")?;
    let text =
        |package: &toml::Value, key: &str| package.get(key).and_then(toml::Value::as_str).map(str::to_owned);
    let rows = packages.iter().filter_map(|package| {
        Some(((text(package, "name")?, text(package, "version")?), text(package, "checksum")?))
    });
    Ok(rows.collect())
}

fn edges(place: &Place, kept: &BTreeSet<&PackageId>) -> Result<BTreeMap<String, BTreeSet<String>>> {
    let resolve = place.metadata.resolve.as_ref().context("cargo resolved nothing")?;
    let names: BTreeMap<&PackageId, String> =
        place.metadata.packages.iter().map(|package| (&package.id, reference(package))).collect();
    let mut edges = BTreeMap::new();
    for node in resolve.nodes.iter().filter(|node| kept.contains(&node.id)) {
        let linked = node.deps.iter().filter(|dependency| {
            let kinds = &dependency.dep_kinds;
            kept.contains(&dependency.pkg)
                && kinds.iter().any(|kind| kind.kind != DependencyKind::Development)
        });
        let to = linked.filter_map(|dependency| names.get(&dependency.pkg).cloned()).collect();
        edges.insert(names.get(&node.id).cloned().unwrap_or_default(), to);
    }
    Ok(edges)
}

fn reference(package: &Package) -> String {
    format!("pkg:cargo/{}@{}", package.name, package.version)
}

fn crate_component(package: &Package, hashes: &BTreeMap<(String, String), String>) -> Value {
    let ours = package.source.is_none();
    let mut component = json!({
        "type": if ours { "application" } else { "library" },
        "bom-ref": reference(package),
        "name": package.name.to_string(),
        "version": package.version.to_string(),
        "scope": "required",
        "purl": reference(package),
    });
    // Old manifests write a slash for OR.
    let licence = package.license.as_ref().map(|licence| licence.replace('/', " OR "));
    let hash = hashes.get(&(package.name.to_string(), package.version.to_string()));
    add(&mut component, licence.as_deref(), hash.map(|hash| ("SHA-256", hash.as_str())));
    component
}

/// What not every component has.
fn add(component: &mut Value, licence: Option<&str>, hash: Option<(&str, &str)>) {
    let Some(rows) = component.as_object_mut() else { return };
    if let Some(licence) = licence {
        rows.insert("licenses".to_owned(), json!([{ "expression": licence }]));
    }
    if let Some((algorithm, content)) = hash {
        rows.insert("hashes".to_owned(), json!([{ "alg": algorithm, "content": content }]));
    }
}

/// Packages of the pages: what is in them is required, what only builds them is not shipped.
fn page_components(root: &Path) -> Result<Vec<Value>> {
    let lock: Value = serde_json::from_str(&std::fs::read_to_string(root.join(PAGES))?)?;
    let packages = lock.get("packages").and_then(Value::as_object);
    let packages = packages.with_context(|| format!("{PAGES} has no packages"))?;
    packages.iter().filter(|(place, _)| !place.is_empty()).map(|(place, row)| page(place, row)).collect()
}

fn page(place: &str, row: &Value) -> Result<Value> {
    let name = place.rsplit("node_modules/").next().unwrap_or(place);
    let text = |key: &str| row.get(key).and_then(Value::as_str);
    let version = text("version").ok_or_else(|| anyhow!("{PAGES}: {place} has no version"))?;
    let purl = format!("pkg:npm/{}@{version}", name.replace('@', "%40"));
    let flag = |key: &str| row.get(key).and_then(Value::as_bool).unwrap_or(false);
    let built_with = flag("dev") || flag("optional") || name == "esbuild";
    let mut component = json!({
        "type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl,
        "scope": if built_with { "excluded" } else { "required" },
    });
    let hash = match text("integrity").and_then(|text| text.strip_prefix("sha512-")) {
        Some(hash) => Some(hexadecimal(hash)?),
        None => None,
    };
    add(&mut component, text("license"), hash.as_deref().map(|hash| ("SHA-512", hash)));
    Ok(component)
}

fn hexadecimal(base64: &str) -> Result<String> {
    let bytes = base64::engine::general_purpose::STANDARD.decode(base64)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ASVS 5.0: 15.1.2, 15.2.3.
    #[test]
    fn every_component_is_named_hashed_and_licensed_and_nothing_for_tests_is_in_it() {
        let place = Place::find().unwrap();
        let text = document(&place, &Commit::here(&place.root).unwrap()).unwrap();
        assert_eq!(
            text,
            document(&place, &Commit::here(&place.root).unwrap()).unwrap(),
            "the same sources give the same bytes"
        );
        let bom: Value = serde_json::from_str(&text).unwrap();
        let components = bom["components"].as_array().unwrap();
        let named = |name: &str| components.iter().find(|component| component["name"] == name);
        for name in ["server", "gateway", "wire", "rustls", "aws-lc-sys", "libsqlite3-sys", "uplot"] {
            assert!(named(name).is_some(), "{name}");
        }
        for name in ["simulator", "driven-clock", "proptest", "insta", "aws-sdk-sns"] {
            assert!(named(name).is_none(), "{name}");
        }
        assert_eq!(named("uplot").unwrap()["scope"], "required");
        assert_eq!(named("esbuild").unwrap()["scope"], "excluded");
        let references: BTreeSet<&str> =
            components.iter().map(|component| component["bom-ref"].as_str().unwrap()).collect();
        assert_eq!(references.len(), components.len(), "each reference is one component's");
        for component in components {
            let foreign = component["type"] == "library";
            assert!(
                !foreign || component["hashes"][0]["content"].as_str().unwrap().len() >= 64,
                "{component}"
            );
            assert!(component["licenses"][0]["expression"].is_string(), "{component}");
        }
        for dependency in bom["dependencies"].as_array().unwrap() {
            for to in dependency["dependsOn"].as_array().unwrap() {
                assert!(references.contains(to.as_str().unwrap()), "{to}");
            }
        }
    }
}
