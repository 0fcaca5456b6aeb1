//! Every link that a page shows somebody leads somewhere, and where it names a place on a page, that place is there.
//!
//! Each of four people goes from page to page by all links there are, until none is left that was not followed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use fleet::record::{Outage, Predicted};
use fleet::self_test::{Found, Kind, SeenBy};
use fleet::{MemberRole, Record, Role, TestRecord};
use http::StatusCode;
use store::state::RecordRow;
use wire::UtcMs;
use wire::time::DAY_MS;

use crate::house::{CLUB, House, Proof, body, outage, sample};
use crate::markup;

/// Pages of one person that are followed at most: a walk that does not end is a mistake of this test.
const MOST: usize = 600;
/// Addresses of one path that are followed: "Earlier" leads on for thirty days.
const MOST_OF_ONE: usize = 8;

struct People {
    house: House,
    owner: Proof,
    viewer: Proof,
    stranger: Proof,
    operator: Proof,
}

/// An organization with a logbook and two inverters: one with tests of all kinds, outages and an alarm, one that is on battery.
async fn people() -> People {
    let house = House::new().await;
    let club = house.club().await;
    house.site("clubhouse", club).await;
    let owner = house.account("owner@x.test").await;
    house.member(club, owner, MemberRole::Owner).await;
    let viewer = house.account("viewer@x.test").await;
    let stranger = house.account("stranger@x.test").await;
    let operator = house.operator("operator@x.test").await;
    let (tower, hall) = (house.inverter("mine", "East Tower").await, house.inverter("hall", "Hall B").await);
    house.grant(viewer, tower, Role::ReadOnly).await;
    for inverter in [tower, hall] {
        house.grant(club, inverter, Role::ReadWrite).await;
        house.read(inverter, house.now().plus_ms(-60_000), sample(104));
    }
    house.read(tower, house.now(), sample(104));
    house.read(hall, house.now(), outage(84));
    house.alarm(tower, "MINEALRM").await;
    let rows: Vec<RecordRow> = records(house.now())
        .into_iter()
        .map(|record| RecordRow { inverter: tower, told_at: record.ended(), record })
        .collect();
    house.state.commit_records(&rows).await.unwrap();
    let owner = house.session(owner).await;
    let kept = house.form(&format!("/organizations/{CLUB}/logbook"), &owner, "years=5&sure=yes").await;
    assert_eq!(kept.status(), StatusCode::SEE_OTHER);
    let asked = "name=Report&scope=read&reach=all&life=90";
    assert_eq!(house.form("/me/tokens/new", &owner, asked).await.status(), StatusCode::OK);
    let share = "recipient=stranger%40x.test&role=read-only&ends=";
    let shared = house.form("/inverters/mine/people/new", &owner, share).await;
    assert_eq!(shared.status(), StatusCode::SEE_OTHER);
    let (viewer, stranger) = (house.session(viewer).await, house.session(stranger).await);
    let operator = house.session(operator).await;
    People { house, owner, viewer, stranger, operator }
}

fn records(now: UtcMs) -> Vec<Record> {
    let mut records: Vec<Record> =
        [(2, Kind::Monthly, false), (33, Kind::Monthly, true), (63, Kind::Annual, false)]
            .into_iter()
            .map(|(days, kind, gave_up)| test(now.plus_ms(-days * DAY_MS), kind, gave_up))
            .collect();
    records.push(Record::Outage(Outage {
        started: now.plus_ms(-3 * DAY_MS),
        length_s: 754.0,
        gave_up: false,
        lowest_v: Some(50.4),
        load: None,
        predicted: Some(Predicted { runtime_s: 7_080.0, low_s: 6_500.0, high_s: 7_600.0 }),
        recharged: None,
        contact_lost: false,
        end_unseen: false,
    }));
    records
}

fn test(started: UtcMs, kind: Kind, gave_up: bool) -> Record {
    Record::Test(Found {
        kind,
        seen_by: SeenBy::Telemetry,
        started,
        length_s: if gave_up { 11.0 } else { 5_400.0 },
        interrupted: false,
        gave_up,
        charged: Some(true),
        above_cutoff_v: None,
        load: Some(6_100.0),
        own: None::<TestRecord>,
        at_cutoff: false,
    })
}

/// The pages somebody comes to, each with its HTML; nothing for a file.
async fn walk(house: &House, who: &Proof, starts: &[&str]) -> BTreeMap<String, Option<String>> {
    let mut seen: BTreeMap<String, Option<String>> = BTreeMap::new();
    let mut waiting: VecDeque<(String, String)> =
        starts.iter().map(|start| ((*start).to_owned(), "the start".to_owned())).collect();
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    while let Some((path, from)) = waiting.pop_front() {
        let times = times.entry(path.split('?').next().unwrap().to_owned()).or_default();
        if seen.contains_key(&path) || *times == MOST_OF_ONE {
            continue;
        }
        *times += 1;
        assert!(seen.len() < MOST, "no end: {path} from {from}");
        let response = house.get(&path, who).await;
        let status = response.status();
        assert!(
            matches!(status, StatusCode::OK | StatusCode::SEE_OTHER),
            "{path}, to which {from} leads, answers {status}"
        );
        let page = response
            .headers()
            .get("content-type")
            .is_some_and(|kind| status == StatusCode::OK && kind.to_str().unwrap().starts_with("text/html"));
        let html = if page { Some(body(response).await) } else { None };
        for link in html.iter().flat_map(|html| markup::links(html)) {
            if let Some(next) = inside(&link) {
                waiting.push_back((next.split('#').next().unwrap().to_owned(), path.clone()));
            }
        }
        seen.insert(path, html);
    }
    seen
}

/// A link to another page of ours.
fn inside(link: &str) -> Option<&str> {
    (link.starts_with('/') && !link.starts_with("//")).then_some(link)
}

/// ASVS 5.0: 7.4.4.
#[tokio::test]
async fn who_is_signed_in_can_sign_out_on_every_page() {
    let people = people().await;
    for (name, who, least) in [
        ("the owner", &people.owner, 40),
        ("a stranger", &people.stranger, 10),
        ("the operator", &people.operator, 15),
    ] {
        let starts = ["/fleet", "/confirm", "/confirm?next=/me/tokens/new&why=passkey", "/me/password"];
        let pages = walk(&people.house, who, &starts).await;
        // What anybody may read about signatures is the same for all.
        let theirs = pages.iter().filter_map(|(path, html)| Some((path, html.as_ref()?)));
        let theirs: Vec<_> = theirs.filter(|(path, _)| !path.starts_with("/verify")).collect();
        assert!(theirs.len() >= least, "{name} comes to {} pages", theirs.len());
        for (path, html) in theirs {
            assert!(html.contains(r#"<form method="post" action="/sign-out"><button"#), "{path} of {name}");
        }
    }
}

#[tokio::test]
async fn no_link_leads_nowhere() {
    let people = people().await;
    let house = &people.house;
    for (name, who, starts, least) in [
        ("nobody", &Proof::None, &["/sign-in", "/register", "/verify"][..], 5),
        ("the owner", &people.owner, &["/fleet", "/verify"], 60),
        ("the viewer", &people.viewer, &["/fleet"], 30),
        ("a stranger", &people.stranger, &["/fleet"], 15),
        ("the operator", &people.operator, &["/fleet"], 20),
    ] {
        let pages = walk(house, who, starts).await;
        assert!(pages.len() >= least, "{name} comes to {} pages only: {:#?}", pages.len(), pages.keys());
        let mut places = BTreeSet::new();
        for (page, html) in pages.iter().filter_map(|(page, html)| Some((page, html.as_ref()?))) {
            for link in markup::links(html) {
                let Some((to, place)) = inside(&link).and_then(|link| link.split_once('#')) else { continue };
                let target = pages.get(to).and_then(Option::as_ref);
                assert!(
                    target.is_some_and(|target| markup::has_id(target, place)),
                    "{page} points at {place} on {to}, where there is none"
                );
                places.insert(format!("{to}#{place}"));
            }
        }
        println!("{name}: {} pages and files, {} places on them", pages.len(), places.len());
        assert!(name != "the owner" || places.len() >= 3, "the calendar leads to tests: {places:?}");
    }
}
