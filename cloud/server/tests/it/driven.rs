//! The clock that a test drives is in `inverter-connect-driven` alone; what is shipped refuses it.

use std::process::Command;

use driven_clock::Driver;
use wire::time::DAY_MS;
use wire::{BootId, UtcMs};

use crate::cloud::{Cloud, Publisher, report};
use crate::door_setup::eventually;

#[test]
fn the_program_that_is_shipped_refuses_a_clock() {
    let output = Command::new(env!("CARGO_BIN_EXE_inverter-connect"))
        .args(["--config", "cloud.toml", "serve", "--clock", "clock"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("unexpected argument '--clock'"), "{told}");
}

#[test]
fn a_clock_that_cannot_be_read_is_named() {
    let cloud = Cloud::new();
    let mut command = cloud.driven(&cloud.path("nowhere"));
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("--clock") && told.contains("nowhere cannot be read"), "{told}");
}

#[test]
fn a_driven_clock_lets_thirty_days_pass_in_seconds() {
    let mut cloud = Cloud::new();
    let bundle = cloud.device("DRIVEN-1");
    let now = server::clock::now();
    let mut clock = Driver::create(&cloud.path("clock"), now).unwrap();
    let command = cloud.driven(&cloud.path("clock"));
    cloud.start_as(command);
    let mut link = Publisher::connect(cloud.address, &bundle).unwrap();
    let boot = BootId([9; 16]);
    link.publish(&report(boot, 1, now)).unwrap();
    let day = |days: i64| UtcMs((now.day() + days) * DAY_MS + DAY_MS / 2);
    let files = |cloud: &Cloud| {
        let of_days = std::fs::read_dir(cloud.path("data/history")).unwrap();
        let names = of_days.map(|file| file.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.starts_with("20") && name.ends_with(".sqlite")).count()
    };
    // The housekeeper must have seen the reading's hour open before that is over.
    clock.set_rate(100.0).unwrap();
    clock.wait_until(now.plus_ms(60_000));
    clock.jump_to(day(1)).unwrap();
    eventually("the day's file is there", || files(&cloud) == 1);
    clock.jump_to(day(29)).unwrap();
    clock.wait_until(day(29).plus_ms(60_000));
    assert_eq!(files(&cloud), 1, "29 days are kept");
    clock.jump_to(day(32)).unwrap();
    eventually("the day's file is deleted", || files(&cloud) == 0);
    cloud.stop();
}
