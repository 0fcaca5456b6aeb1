//! Lines that lose, crawl and shuffle: everything arrives, once, as it was; how long that takes is printed.
//!
//! `INVERTER_CONNECT_POOR_LINE=10` makes each backlog ten times as long.

use std::time::{Duration, Instant};

use super::{LIVE, all_of, live_inverter, loads, site_with};
use crate::cloud::{Cloud, Received};
use crate::netns::{CLOUD, Network};
use crate::site::Site;

fn times() -> u64 {
    std::env::var("INVERTER_CONNECT_POOR_LINE").ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}

/// A backlog of `kept` and ten live readings over the line that `make` makes of the network; the longest that a live one took.
fn over(kept: u64, seconds: u64, make: impl FnOnce(&Network)) -> Option<(Network, Duration)> {
    let (kept, seconds) = (kept * times(), seconds * times());
    let network = Network::new()?;
    let _names = network.names();
    let mut site = site_with(kept);
    site.host = CLOUD;
    let cloud = Cloud::on(network.world.listen(443), &site.pki, "server");
    make(&network);
    let begin = Instant::now();
    let mut gateway = network.gateway(&site, 443);
    gateway.wait_for("is raw", 1, 10);
    gateway.wait_for("Connected", 1, seconds);
    let connected = begin.elapsed();
    let slowest = live(&site, &cloud, seconds);
    let received = all_of(&cloud, kept, seconds);
    gateway.wait_for("Everything that was kept has been sent", 1, seconds);
    println!(
        "connected after {connected:?}; {kept} kept readings in {} reports, {} bytes, caught up after {:?}; \
         a live one took {slowest:?} at most",
        received.iter().filter(|r| !r.report.readings.is_empty()).count(),
        received.iter().map(|r| r.bytes).sum::<usize>(),
        begin.elapsed(),
    );
    // What was acknowledged is settled: nothing comes again.
    assert_eq!(gateway.stop(), Some(0));
    let count = cloud.received().len();
    let mut gateway = network.gateway(&site, 443);
    gateway.wait_for("Connected", 1, seconds);
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(loads(&cloud.received()[count..]), [0_i64; 0]);
    assert_eq!(gateway.stop(), Some(0));
    Some((network, slowest))
}

/// Ten readings, one a second, while the backlog goes; the longest that one took.
fn live(site: &Site, cloud: &Cloud, seconds: u64) -> Duration {
    let mut inverter = live_inverter();
    let mut sent = Vec::new();
    for _ in 0..10 {
        sent.push(Instant::now());
        site.line.write_all(&inverter.frame());
        std::thread::sleep(Duration::from_millis(1200));
    }
    let of =
        |received: &[Received]| loads(received).into_iter().filter(|load| *load > LIVE).collect::<Vec<_>>();
    let wanted: Vec<_> = (LIVE + 1..=LIVE + 10).collect();
    let received = cloud.wait_until("ten live readings", seconds, |received| of(received).len() >= 10);
    assert_eq!(of(&received), wanted, "each once, in order");
    let took = |load: i64| {
        let came = received.iter().find(|one| loads(std::slice::from_ref(*one)).contains(&load)).unwrap().at;
        came - sent[usize::try_from(load - LIVE - 1).unwrap()]
    };
    wanted.into_iter().map(took).max().unwrap()
}

#[test]
fn with_every_fifth_packet_lost_both_ways_everything_arrives_once_and_in_order() {
    let Some((network, _)) = over(300, 120, |network| network.lose(20)) else { return };
    for (name, end) in [("the gateway", &network.site), ("the cloud", &network.world)] {
        let (lost, kept) = (end.packets("lost"), end.packets("kept"));
        println!("to {name}: {lost} packets lost, {kept} arrived");
        assert!(lost * 100 / (lost + kept) >= 10, "{lost} of {kept}: no such line");
    }
}

#[test]
fn at_nine_thousand_six_hundred_bits_a_second_everything_arrives_once_and_in_order() {
    let Some((_, slowest)) = over(150, 120, |network| network.slow(9600)) else { return };
    // The whole backlog is 20 s of this line.
    assert!(slowest < Duration::from_secs(12), "a live reading waited {slowest:?} behind the backlog");
}

#[test]
fn with_packets_overtaking_each_other_everything_arrives_once_and_in_order() {
    let Some((network, _)) = over(2000, 120, |network| network.shuffle(25, 512_000)) else { return };
    let [to_gateway, to_cloud] = [&network.site, &network.world].map(crate::netns::Namespace::out_of_order);
    println!("packets that came before an earlier one: {to_gateway} at the gateway, {to_cloud} at the cloud");
    assert!(to_cloud > 20, "nothing is out of order: {to_cloud}");
}
