//! How long from the serial line to the mail server: every part real, one inverter at its site, so that nothing is held.

use std::time::{Duration, Instant};

use crate::api::token;
use crate::cabinet::Cabinet;
use crate::cloud::Cloud;
use crate::told::{mailed, subject};

/// Not told within this time is a failure; the machine of a test may be busy, what is usual is printed.
const WITHIN: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// How many trials; CI has few, `INVERTER_CONNECT_TRIALS=200` is what the issue asks to be shown.
#[expect(clippy::disallowed_methods, reason = "the test's own knob")]
fn trials() -> usize {
    std::env::var("INVERTER_CONNECT_TRIALS").ok().and_then(|text| text.parse().ok()).unwrap_or(3)
}

#[test]
fn the_mains_fail_and_the_mail_server_has_the_mail() {
    let mut cloud = Cloud::new();
    let Some(mail_server) = mailed(&cloud) else { return };
    token(&cloud, "ann@example.org");
    cloud.start();
    let mut took = Vec::new();
    for number in 0..trials() {
        // One each: an inverter whose mains come and go is "unstable" after a few, and its messages fewer.
        let serial = format!("TRIAL-{number:04}");
        let Some(cabinet) = Cabinet::new(&cloud, &serial) else { return };
        cloud.admin(&["grant", "add", "ann@example.org", &serial, "read-only"]);
        cabinet.connected(1);
        // Two frames: it is known to be well, and the next second's is not on its way.
        std::thread::sleep(Duration::from_millis(1_500));
        let before = mail_server.delivered().len();
        let began = Instant::now();
        cabinet.tell("mains off");
        while mail_server.delivered().len() == before {
            assert!(began.elapsed() < WITHIN, "{serial}: no mail\n{}\n{}", cloud.log(), cabinet.log());
            std::thread::sleep(LOOK_EVERY);
        }
        took.push(began.elapsed());
        let told = format!("ON BATTERY: {serial}, utility power lost");
        let mails = mail_server.delivered();
        assert!(mails.iter().any(|mail| subject(mail) == told), "{told}: {mails:?}");
    }
    cloud.stop();
    assert_eq!(mail_server.delivered().len(), trials(), "one mail each");
    took.sort();
    let percentile = |percent: usize| took[(took.len() * percent).div_ceil(100) - 1];
    println!(
        "from the mains' end to the mail server's box, {} trials: p50 {:?}, p99 {:?}, most {:?}",
        took.len(),
        percentile(50),
        percentile(99),
        percentile(100)
    );
}
