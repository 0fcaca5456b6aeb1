//! The program's log as somebody else's program reads it: one event is one line, also as JSON, and every act is in it.

use serde_json::Value;

use crate::cloud::{Cloud, terminate};
use crate::door_setup::eventually;

/// ASVS 5.0: 16.2.4.
#[test]
fn a_log_of_json_has_one_object_a_line() {
    let cloud = Cloud::new();
    let file = cloud.path("json.log");
    let read = || std::fs::read_to_string(&file).unwrap();
    let mut command = cloud.command(&["serve"]);
    command.env("INVERTER_CONNECT_LOG_FORMAT", "json").stderr(std::fs::File::create(&file).unwrap());
    let mut child = Ending(command.spawn().unwrap());
    eventually("it is ready", || {
        assert_eq!(child.0.try_wait().unwrap(), None, "{}", read());
        read().contains("\"ready\"")
    });
    terminate(child.0.id());
    assert!(child.0.wait().unwrap().success(), "{}", read());
    let lines: Vec<Value> = read().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let ready = lines.iter().find(|line| line["message"] == "ready").unwrap();
    assert_eq!(
        (ready["level"].as_str(), ready["address"].as_str().is_some()),
        (Some("INFO"), true),
        "{ready}"
    );
    let output = cloud.command(&["--log-format", "xml", "serve"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
}

/// Ends with the test, however that ends.
struct Ending(std::process::Child);

impl Drop for Ending {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// ASVS 5.0: 16.4.3.
#[test]
fn every_act_is_a_line_with_its_hash_and_nothing_of_its_details() {
    let mut cloud = Cloud::new();
    std::fs::write(cloud.path("password"), "correct horse battery staple\n").unwrap();
    cloud.admin(&["account", "add", "before@x.test", "--password-file", "password"]);
    cloud.start();
    let hash = |line: &str| line.split_once("hash=").unwrap().1.split(' ').next().unwrap().to_owned();
    let log = cloud.log();
    let known = hash(log.lines().find(|line| line.contains("audit log so far")).unwrap());
    let acts = |log: &str| -> Vec<String> {
        log.lines().filter(|line| line.contains(" audit number=")).map(str::to_owned).collect()
    };
    assert_eq!(acts(&log), [""; 0], "what was there is one hash");
    for who in ["one", "two"] {
        let email = format!("{who}@x.test");
        cloud.admin(&["account", "add", &email, "--password-file", "password"]);
    }
    eventually("both are told", || acts(&cloud.log()).len() >= 2);
    // What is written in the last moment is told before the program ends.
    cloud.admin(&["allow", "three@x.test", "--verified-by", "Ann", "--note", "called back"]);
    cloud.stop();
    let told = acts(&cloud.log());
    let verbs: Vec<_> = told.iter().map(|line| line.split_once("verb=").unwrap().1).collect();
    assert_eq!(told.len(), 3, "{told:?}");
    for (verb, expect) in verbs.iter().zip(["\"account.add\"", "\"account.add\"", "\"allow.add\""]) {
        assert!(verb.starts_with(expect), "{told:?}");
    }
    for (at, line) in told.iter().enumerate() {
        assert!(line.contains(&format!("number={} ", at + 2)), "{line}");
        assert!(line.contains("actor=\"command_line\"") && !line.contains("x.test"), "{line}");
    }
    assert!(told[0].contains("account=2 "), "{}", told[0]);
    for noted in [known, hash(&told[0]), hash(&told[2])] {
        cloud.admin(&["audit", "verify", "--expect", &noted]);
    }
}
