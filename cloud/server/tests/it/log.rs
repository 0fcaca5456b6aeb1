//! The program's log as somebody else's program reads it: one event is one line, also as JSON.

use serde_json::Value;

use crate::cloud::{Cloud, terminate};
use crate::door_setup::eventually;

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
