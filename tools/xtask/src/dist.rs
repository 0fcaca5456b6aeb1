//! `cargo xtask dist`: what is released, the same bytes whoever builds it and wherever.
//! In: a clean commit. Out: `target/dist/` with an archive of programs and their files, the SBOM, SHA-256 sums. `--twice`
//! builds in two folders of different names from nothing and compares every byte.
//! Paths, times, the order of files and the builder's name are in none of it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::place::Place;
use crate::sbom::{self, Commit};
use crate::shell;

/// Programs that are shipped.
const PROGRAMS: [(&str, &str); 2] = [("server", "inverter-connect"), ("gateway", "inverter-gateway")];
/// What goes with them, from the commit.
const FILES: &[&str] = &[
    "README.md",
    "SECURITY.md",
    "CHANGELOG.md",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "deploy",
    "docs/operating.md",
];
const EXAMPLE: &str = "cloud/server/cloud.example.toml";
const SUMS: &str = "SHA256SUMS";
const SBOM: &str = "inverter-connect.cdx.json";

/// What to make.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Also builds a second time, in another folder, and fails if one byte differs.
    #[arg(long)]
    twice: bool,
    /// Only this crate's program, to try something out quickly.
    #[arg(long, value_name = "CRATE", value_parser = ["server", "gateway"])]
    only: Option<String>,
    /// Another profile than `release`, likewise.
    #[arg(long, default_value = "release")]
    profile: String,
}

/// One build: where it happens, and for which commit.
struct Build<'a> {
    /// The sources, a folder that holds a commit and nothing else.
    sources: PathBuf,
    target: PathBuf,
    /// The same for every build of a run, also where another is made meanwhile.
    commit: &'a Commit,
    args: &'a Args,
}

/// Builds, packs, sums up; compares if asked.
pub fn run(place: &Place, args: &Args) -> Result<()> {
    let out = place.target.join("dist");
    clean(place)?;
    let commit = Commit::here(&place.root)?;
    empty(&out)?;
    let bom = sbom::document(place, &commit)?;
    let first = Build { sources: out.join("one/src"), target: out.join("one/target"), commit: &commit, args };
    let archive = first.archive(place, &bom, &out)?;
    if args.twice {
        let folder = out.join("another-folder/of/another-depth");
        let second = Build { sources: folder.join("s"), target: folder.join("t"), commit: &commit, args };
        let again = second.archive(place, &bom, &folder)?;
        same(&archive, &again)?;
        println!("both builds are the same, byte for byte");
    }
    std::fs::write(out.join(SBOM), &bom)?;
    let name = file_name(&archive)?;
    let sums = shell::output(Command::new("sha256sum").args([&name, SBOM]).current_dir(&out))?;
    std::fs::write(out.join(SUMS), &sums)?;
    print!("{sums}");
    println!("{name} of {}, {}, is in {}", commit.id, commit.date, out.display());
    Ok(())
}

impl Build<'_> {
    /// The archive, below `out`.
    fn archive(&self, place: &Place, bom: &str, out: &Path) -> Result<PathBuf> {
        self.check_out(place)?;
        self.compile(place)?;
        let name = format!("inverter-connect-{}-{}", env!("CARGO_PKG_VERSION"), host()?);
        let folder = out.join("pack").join(&name);
        empty(&folder)?;
        self.gather(place, &folder)?;
        std::fs::write(folder.join(SBOM), bom)?;
        let archive = out.join(format!("{name}.tar.gz"));
        self.pack(&out.join("pack"), &name, &archive)?;
        std::fs::remove_dir_all(out.join("pack"))?;
        Ok(archive)
    }

    /// The commit's files and nothing else: what is not committed is not released.
    fn check_out(&self, place: &Place) -> Result<()> {
        empty(&self.sources)?;
        let tar = self.sources.join("sources.tar");
        let mut git = Command::new("git");
        shell::run(
            git.args(["archive", "--output"]).arg(&tar).arg(&self.commit.id).current_dir(&place.root),
        )?;
        shell::run(Command::new("tar").arg("-xf").arg(&tar).arg("-C").arg(&self.sources))?;
        std::fs::remove_file(&tar)?;
        Ok(())
    }

    fn compile(&self, place: &Place) -> Result<()> {
        let mut cargo = shell::cargo(&self.sources);
        cargo.args(["build", "--locked", "--profile", &self.args.profile, "--target-dir"]).arg(&self.target);
        for (package, program) in self.programs() {
            cargo.args(["--package", package, "--bin", program]);
        }
        let (crates, home) = sources_of_crates(place)?;
        // Names in panics and debug lines; and in C, where `__FILE__` is. The last that fits counts.
        let remap = [
            (home.as_str(), "/cargo"),
            (crates.as_str(), "/crates"),
            (text(&self.sources)?, "/inverter-connect"),
            (text(&self.target)?, "/target"),
        ];
        let rust = remap.map(|(from, to)| format!("--remap-path-prefix={from}={to}"));
        let c = remap.map(|(from, to)| format!("-ffile-prefix-map={from}={to}"));
        cargo.env("CARGO_ENCODED_RUSTFLAGS", rust.join("\u{1f}"));
        cargo.env("CFLAGS", c.join(" ")).env("CXXFLAGS", c.join(" "));
        cargo.env("SOURCE_DATE_EPOCH", self.commit.seconds.to_string()).env("CARGO_INCREMENTAL", "0");
        cargo.env("CARGO_PROFILE_RELEASE_STRIP", "symbols").env("CARGO_PROFILE_DEV_STRIP", "symbols");
        // A cargo that runs this program leaves its own folders in the environment.
        shell::run(cargo.env_remove("CARGO_TARGET_DIR").env_remove("RUSTFLAGS"))
    }

    fn gather(&self, place: &Place, folder: &Path) -> Result<()> {
        let profile = if self.args.profile == "dev" { "debug" } else { &self.args.profile };
        let mut copy = Command::new("cp");
        copy.args(["-r", "--parents"]).args(FILES).arg(folder).current_dir(&self.sources);
        shell::run(&mut copy)?;
        std::fs::copy(self.sources.join(EXAMPLE), folder.join("cloud.example.toml"))?;
        for (_, program) in self.programs() {
            let built = self.target.join(profile).join(program);
            let bytes = std::fs::read(&built).with_context(|| format!("reading {}", built.display()))?;
            let (_, home) = sources_of_crates(place)?;
            for told in [text(&place.root)?, text(&self.target)?, &home] {
                ensure!(!holds(&bytes, told.as_bytes()), "{program} holds a path of this machine: {told}");
            }
            std::fs::copy(&built, folder.join(program))?;
        }
        Ok(())
    }

    fn pack(&self, folder: &Path, name: &str, archive: &Path) -> Result<()> {
        let mut tar = Command::new("tar");
        tar.args(["--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--format=gnu"]);
        tar.args(["--mode=u+rwX,go+rX,go-w", "--use-compress-program=gzip -n -9"]);
        tar.arg(format!("--mtime=@{}", self.commit.seconds))
            .arg("-C")
            .arg(folder)
            .arg("-cf")
            .arg(archive)
            .arg(name);
        shell::run(&mut tar)
    }

    fn programs(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let only = self.args.only.as_deref();
        PROGRAMS.into_iter().filter(move |(package, _)| only.is_none_or(|only| only == *package))
    }
}

/// What is not committed is not released, and the list of packages is read from the folder as it stands.
fn clean(place: &Place) -> Result<()> {
    let mut git = Command::new("git");
    git.args(["status", "--porcelain", "--untracked-files=no"]);
    let changed = shell::output(git.current_dir(&place.root))?;
    ensure!(changed.trim().is_empty(), "commit or undo these changes first:\n{changed}");
    Ok(())
}

fn same(one: &Path, other: &Path) -> Result<()> {
    let read = |path: &Path| std::fs::read(path).with_context(|| format!("reading {}", path.display()));
    let (left, right) = (read(one)?, read(other)?);
    if left != right {
        let at = left.iter().zip(&right).position(|(a, b)| a != b).unwrap_or(left.len().min(right.len()));
        bail!("{} and {} differ from byte {at} on: `diffoscope` says how", one.display(), other.display());
    }
    Ok(())
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

fn empty(folder: &Path) -> Result<()> {
    let _ = std::fs::remove_dir_all(folder);
    std::fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().with_context(|| format!("{} is no UTF-8", path.display()))
}

fn file_name(path: &Path) -> Result<String> {
    let name = path.file_name().and_then(|name| name.to_str());
    name.map(str::to_owned).with_context(|| format!("{} has no name", path.display()))
}

/// Where cargo keeps the sources of crates: a folder named by the registry or its mirror, and cargo's own around it.
fn sources_of_crates(place: &Place) -> Result<(String, String)> {
    let foreign = place.metadata.packages.iter().find(|package| package.source.is_some());
    let manifest = foreign.map(|package| package.manifest_path.as_str()).unwrap_or_default();
    let (home, below) = manifest.split_once("/registry/src/").context("cargo keeps its sources elsewhere")?;
    let registry = below.split('/').next().unwrap_or_default();
    Ok((format!("{home}/registry/src/{registry}"), home.to_owned()))
}

/// The platform, as rustc names it.
fn host() -> Result<String> {
    let said = shell::output(Command::new("rustc").arg("-vV"))?;
    let line = said.lines().find_map(|line| line.strip_prefix("host: "));
    line.map(str::to_owned).context("rustc does not say for which platform it builds")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_is_the_same_whoever_packs_it_when_and_in_which_order() {
        let args = Args { twice: false, only: None, profile: "release".to_owned() };
        let commit = Commit { id: String::new(), seconds: 1_700_000_000, date: String::new() };
        let pack = |names: [&str; 3], mode: u32| {
            use std::os::unix::fs::PermissionsExt as _;
            let folder = tempfile::tempdir().unwrap();
            for name in names {
                let path = folder.path().join("pack/x").join(name);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(&path, name).unwrap();
                std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            }
            let nowhere = PathBuf::new();
            let build = Build { sources: nowhere.clone(), target: nowhere, commit: &commit, args: &args };
            let archive = folder.path().join("x.tar.gz");
            build.pack(&folder.path().join("pack"), "x", &archive).unwrap();
            std::fs::read(archive).unwrap()
        };
        let first = pack(["a", "b", "c/d"], 0o600);
        std::thread::sleep(std::time::Duration::from_millis(1_100));
        assert_eq!(first, pack(["c/d", "b", "a"], 0o640));
        assert_ne!(first, pack(["c/d", "b", "e"], 0o640));
    }

    #[test]
    fn a_difference_and_a_path_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            path
        };
        assert!(same(&file("a", b"same"), &file("b", b"same")).is_ok());
        let error = same(&file("a", b"same"), &file("c", b"sane")).unwrap_err().to_string();
        assert!(error.contains("byte 2"), "{error}");
        assert!(holds(b"xx/somewhere/xx", b"/somewhere") && !holds(b"xx", b"/somewhere"));
    }
}
