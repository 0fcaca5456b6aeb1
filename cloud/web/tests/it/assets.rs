//! Scripts and styles: within their budgets (ui.md, section 10), type-checked, from public packages only.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use web::assets::ASSETS;

const KIB: usize = 1024;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("assets")
}

#[test]
fn what_the_first_page_loads_fits_its_budget() {
    let brotli = |name: &str| ASSETS.iter().find(|asset| asset.name == name).unwrap().brotli.len();
    assert!(brotli("app.css") <= 12 * KIB, "{}", brotli("app.css"));
    assert!(brotli("app.js") <= 8 * KIB, "{}", brotli("app.js"));
    assert!(brotli("chart.js") <= 28 * KIB, "{}", brotli("chart.js"));
}

#[test]
fn encoded_twins_hold_the_same_bytes() {
    for asset in ASSETS {
        let plain = unpacked(asset.gzip);
        assert_eq!(plain, asset.plain, "{}", asset.name);
        assert!(asset.brotli.len() <= asset.gzip.len(), "{}", asset.name);
    }
}

/// Unpacks gzip with node, which the build needs anyway.
fn unpacked(gzip: &[u8]) -> Vec<u8> {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), gzip).unwrap();
    let script =
        "process.stdout.write(require('zlib').gunzipSync(require('fs').readFileSync(process.argv[1])))";
    let output =
        Command::new("node").args(["-e", script]).arg(file.path()).output().expect("install Node.js 20");
    assert!(output.status.success());
    output.stdout
}

/// ASVS 5.0: 15.1.2.
#[test]
fn the_lock_file_names_versions_and_hashes_but_no_registry() {
    let lock = fs::read_to_string(folder().join("package-lock.json")).unwrap();
    assert!(!lock.contains("\"resolved\""), "npm install with omit-lockfile-registry-resolved=true");
    assert!(!lock.contains("http://"));
    let packages: serde_json::Value = serde_json::from_str(&lock).unwrap();
    for (name, package) in
        packages["packages"].as_object().unwrap().iter().filter(|(name, _)| !name.is_empty())
    {
        assert!(package["integrity"].as_str().is_some_and(|hash| hash.starts_with("sha512-")), "{name}");
    }
}

/// `tsc` over the scripts, in a folder of its own so that the work tree stays clean. Installs the checker by npm, so it
/// is left out where `INVERTER_CONNECT_TESTS=core` says that nothing may be installed.
/// ASVS 5.0: 15.3.5.
#[test]
fn scripts_pass_the_type_checker() {
    if env::var_os("INVERTER_CONNECT_TESTS").is_some_and(|which| which == "core") {
        return;
    }
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tsc");
    fs::create_dir_all(&target).unwrap();
    for name in ["package.json", "package-lock.json", ".npmrc", "tsconfig.json"] {
        fs::copy(folder().join(name), target.join(name)).unwrap();
    }
    let _ = fs::remove_dir_all(target.join("src"));
    copy(&folder().join("src"), &target.join("src"));
    let lock = fs::read(target.join("package-lock.json")).unwrap();
    let stamp = target.join("installed-lock.json");
    if fs::read(&stamp).ok() != Some(lock.clone()) {
        run(Command::new("npm")
            .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
            .current_dir(&target));
        fs::write(&stamp, lock).unwrap();
    }
    run(Command::new("npx")
        .args(["--no-install", "tsc", "--noEmit", "-p", "tsconfig.json"])
        .current_dir(&target));
}

fn run(command: &mut Command) {
    let output = command.output().expect("install Node.js 20 and npm");
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}\n{said}");
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
