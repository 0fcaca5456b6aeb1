//! Builds the scripts and styles of `assets/` into `OUT_DIR`, where `src/assets.rs` embeds them.
//!
//! In: `assets/`, `node` and `npm`. Out: `OUT_DIR/assets/` with hashed names, gzip and brotli twins, and `table.rs`.
//! Packages are installed into `OUT_DIR`, so that builds side by side never share a `node_modules`; they are installed
//! anew only when the lock file changed. Install scripts are never run.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::{env, fs};

/// What the build reads; a change of any other file does not start it.
const INPUTS: [&str; 7] =
    ["package.json", "package-lock.json", ".npmrc", "build.mjs", "icon.svg", "src", "css"];
const HELP: &str = "the pages' scripts and styles are built with Node.js 20 or newer and npm; install them \
                    (Debian and Ubuntu: `apt-get install nodejs npm`, others: https://nodejs.org) and build again";

fn main() -> ExitCode {
    match build() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

fn build() -> Result<(), String> {
    let assets = folder("CARGO_MANIFEST_DIR")?.join("assets");
    let out = folder("OUT_DIR")?;
    println!("cargo::rerun-if-changed=build.rs");
    for input in INPUTS {
        println!("cargo::rerun-if-changed={}", assets.join(input).display());
    }
    let modules = installed(&assets, &out.join("npm"))?;
    run(
        Command::new("node").arg(assets.join("build.mjs")).arg(modules).arg(out.join("assets")),
        "node build.mjs",
    )
}

/// The `node_modules` folder for the lock file, installed if it is not there yet.
fn installed(assets: &Path, target: &Path) -> Result<PathBuf, String> {
    let modules = target.join("node_modules");
    let stamp = target.join("installed-lock.json");
    let lock = read(&assets.join("package-lock.json"))?;
    if fs::read(&stamp).ok().as_ref() == Some(&lock) && modules.join("esbuild").is_dir() {
        return Ok(modules);
    }
    fs::create_dir_all(target).map_err(|error| format!("cannot make {}: {error}", target.display()))?;
    for name in ["package.json", "package-lock.json", ".npmrc"] {
        write(&target.join(name), &read(&assets.join(name))?)?;
    }
    let arguments = ["ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund"];
    run(Command::new("npm").args(arguments).current_dir(target), "npm ci")?;
    write(&stamp, &lock)?;
    Ok(modules)
}

fn run(command: &mut Command, name: &str) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("cannot start `{name}`: {error}. {HELP}"))?;
    if output.status.success() {
        return Ok(());
    }
    let (said, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    Err(format!("`{name}` failed ({}):\n{said}{errors}\n{HELP}", output.status))
}

fn folder(variable: &str) -> Result<PathBuf, String> {
    env::var_os(variable).map(PathBuf::from).ok_or_else(|| format!("cargo did not set {variable}"))
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    fs::write(path, bytes).map_err(|error| format!("cannot write {}: {error}", path.display()))
}
