//! The server's systemd unit: which user and rights it gives, and that systemd understands it.

use std::path::Path;
use std::process::{Command, Output};

use crate::cloud::needs;

const UNIT: &str = "deploy/inverter-connect.service";
/// Of `systemd-analyze security`, tenths; 1.6 when this was written.
const MOST_EXPOSED: u32 = 20;

fn text(name: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    std::fs::read_to_string(root.join(name)).unwrap()
}

/// Every value of a key, in order.
fn values<'a>(unit: &'a str, key: &str) -> Vec<&'a str> {
    unit.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('=')).collect()
}

/// ASVS 5.0: 13.2.2.
#[test]
fn the_server_has_a_user_of_its_own_and_one_right() {
    let unit = text(UNIT);
    let user = values(&unit, "User");
    assert!(text("deploy/inverter-connect.sysusers").contains(&format!("\nu {} - ", user[0])), "{user:?}");
    for (key, expect) in [
        ("CapabilityBoundingSet", "CAP_NET_BIND_SERVICE"),
        ("AmbientCapabilities", "CAP_NET_BIND_SERVICE"),
        ("NoNewPrivileges", "yes"),
        ("ProtectSystem", "strict"),
        ("ProtectHome", "yes"),
        ("PrivateDevices", "yes"),
        ("MemoryDenyWriteExecute", "yes"),
        ("RestrictNamespaces", "yes"),
        ("SystemCallArchitectures", "native"),
        ("SocketBindDeny", "any"),
        ("StateDirectoryMode", "0700"),
        ("UMask", "0077"),
    ] {
        assert_eq!(values(&unit, key), [expect], "{key}");
    }
    assert_eq!(values(&unit, "SystemCallFilter")[0], "@system-service");
    // Every key that signs certificates, where `admin ca init` puts it.
    let hidden = values(&unit, "InaccessiblePaths").join(" ");
    for key in ["device-ca", "device-ca-spare", "cloud-ca", "cloud-ca-spare"] {
        assert!(hidden.contains(&format!("-/var/lib/inverter-connect/ca/{key}.key")), "{hidden}");
    }
    // As many descriptors as there may be connections, and the rest beside them.
    let files: u32 = values(&unit, "LimitNOFILE")[0].parse().unwrap();
    assert!(files as usize > 2 * server::config::Limits::default().connections, "{files}");
}

#[test]
fn systemd_understands_the_unit_and_finds_it_little_exposed() {
    if !needs("systemd-analyze") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("inverter-connect.service");
    let unit = text(UNIT);
    let start = "ExecStart=/usr/local/bin/inverter-connect ";
    assert!(unit.contains(start));
    let built = format!("ExecStart={} ", env!("CARGO_BIN_EXE_inverter-connect"));
    std::fs::write(&file, unit.replace(start, &built)).unwrap();
    let run = |arguments: &[&str]| -> Output {
        Command::new("systemd-analyze").args(arguments).arg(&file).output().unwrap()
    };
    let verified = run(&["verify", "--man=no"]);
    let said = String::from_utf8_lossy(&verified.stderr);
    // What it says of the machine's own units is not ours.
    assert!(verified.status.success() && !said.contains("inverter-connect"), "{said}");
    let judged = run(&["security", "--offline=true", &format!("--threshold={MOST_EXPOSED}")]);
    assert!(judged.status.success(), "{}", String::from_utf8_lossy(&judged.stdout));
}
