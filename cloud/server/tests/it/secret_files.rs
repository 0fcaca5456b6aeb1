//! A secret that everybody on the machine may use is refused, with the command that mends it.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;

use crate::cloud::Cloud;

const MORE: &str = "[mail]\nsmtp = \"smtps://localhost:4465\"\nfrom = \"a@x.test\"\nusername = \"u\"\n\
                    password_file = \"mail-password\"\n[text]\nurl = \"https://t.example/send\"\n\
                    body = \"{to} {text}\"\ncountries = [\"+1\"]\nsecret_file = \"text-secret\"\n";

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// What standard error says of what must fail.
fn refused(output: Output) -> String {
    assert!(!output.status.success(), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// ASVS 5.0: 13.3.2.
#[test]
fn a_secret_that_everybody_may_use_is_refused_by_name_with_what_to_do() {
    let cloud = Cloud::new();
    let configuration = std::fs::read_to_string(cloud.path("cloud.toml")).unwrap();
    std::fs::write(cloud.path("cloud.toml"), configuration + MORE).unwrap();
    for name in ["mail-password", "text-secret", "password"] {
        std::fs::write(cloud.path(name), "correct horse battery staple\n").unwrap();
        set_mode(&cloud.path(name), 0o640);
    }
    cloud.admin(&["account", "add", "op@x.test", "--password-file", "password"]);
    cloud.admin(&["account", "totp", "op@x.test"]);
    let serve = |more: &[&str]| cloud.command(&[&["serve"], more].concat()).output().unwrap();
    let good = serve(&["--check"]);
    assert!(good.status.success(), "{good:?}");
    for (file, key) in [
        ("data/tls/people.key", "people.key"),
        ("data/tls/device.key", "device.key"),
        ("mail-password", "mail.password_file"),
        ("text-secret", "text.secret_file"),
        ("data/keys/factors.key", "factors_key"),
    ] {
        let path = cloud.path(file);
        for mode in [0o644, 0o602] {
            set_mode(&path, mode);
            for told in [refused(serve(&["--check"])), refused(serve(&[]))] {
                let mend = format!("chmod o= {}", path.display());
                for part in ["cloud.toml", &format!("`{key}`"), "everybody", &mend] {
                    assert!(told.contains(part), "{file} {mode:o} {part}: {told}");
                }
            }
        }
        set_mode(&path, 0o640);
        assert!(serve(&["--check"]).status.success(), "{file} for its group");
    }
    // The key that signs certificates is read by no server.
    let signs = cloud.path("data/ca/device-ca.key");
    set_mode(&signs, 0o644);
    assert!(serve(&["--check"]).status.success());
    let told = refused(cloud.try_admin(&["device", "add", "2311-00421"]));
    assert!(told.contains("`device.ca_key`") && told.contains("chmod o= "), "{told}");
    set_mode(&signs, 0o600);
    cloud.device("2311-00421");
}
