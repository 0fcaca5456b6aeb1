//! The record of tests as people and programs see it: calendar, notes, reports, and that nobody sees another's.

use fleet::logbook::{Check, Hash, open, without_trailer};
use fleet::record::{Outage, Record};
use fleet::self_test::{Found, Kind, SeenBy};
use fleet::{InverterKey, Role, TestRecord};
use http::StatusCode;
use http_body_util::BodyExt;
use store::state::RecordRow;
use wire::UtcMs;
use wire::time::DAY_MS;

use crate::house::{House, Proof, body, sample};

/// Name of the inverter, to be told from others'.
const NAME: &str = "Parking <b>P1</b> & מגדל";

struct Desk {
    house: House,
    inverter: InverterKey,
    manager: Proof,
    viewer: Proof,
    stranger: Proof,
}

fn at(text: &str) -> UtcMs {
    UtcMs::parse_rfc3339(text).unwrap()
}

pub fn monthly(started: UtcMs, gave_up: bool) -> Record {
    let own = TestRecord {
        count: u64::try_from(started.0).unwrap(),
        kind: "monthly".to_owned(),
        result: if gave_up { "failed" } else { "passed" }.to_owned(),
        started: Some(started),
        length_s: Some(30),
        end_voltage: Some(5_310),
        told: started.plus_ms(31_000),
    };
    Record::Test(Found {
        kind: Kind::Monthly,
        seen_by: SeenBy::Telemetry,
        started,
        length_s: if gave_up { 11.0 } else { 30.2 },
        interrupted: false,
        gave_up,
        charged: Some(true),
        above_cutoff_v: None,
        load: Some(6_100.0),
        own: Some(own),
        at_cutoff: false,
    })
}

impl Desk {
    async fn new() -> Self {
        let house = House::new().await;
        let inverter = house.inverter("mine", NAME).await;
        house.inverter("theirs", "Secret Bunker").await;
        let mut proofs = Vec::new();
        for (email, role) in
            [("m@x.test", Some(Role::ReadWrite)), ("v@x.test", Some(Role::ReadOnly)), ("s@x.test", None)]
        {
            let account = house.account(email).await;
            if let Some(role) = role {
                house.grant(account, inverter, role).await;
            }
            proofs.push(house.session(account).await);
        }
        house.read(inverter, house.now(), sample(104));
        let mut proofs = proofs.into_iter();
        let mut next = || proofs.next().unwrap();
        Self { inverter, manager: next(), viewer: next(), stranger: next(), house }
    }

    async fn keep(&self, records: Vec<Record>) {
        let row = |record| RecordRow { inverter: self.inverter, record, told_at: self.house.now() };
        self.house.state.commit_records(&records.into_iter().map(row).collect::<Vec<_>>()).await.unwrap();
    }
}

/// A year of tests, of which that of August 3 failed and was done again on the 6th, and a power failure.
fn year() -> Vec<Record> {
    let mut records: Vec<Record> = (1..=11)
        .filter(|month| *month != 8)
        .map(|month| monthly(at(&format!("2026-{month:02}-03T10:00:00Z")), false))
        .collect();
    records.push(monthly(at("2026-08-03T09:00:00Z"), true));
    records.push(monthly(at("2026-08-06T14:40:00Z"), false));
    records.push(Record::Outage(Outage {
        started: at("2026-09-21T14:13:20Z"),
        length_s: 754.0,
        gave_up: false,
        lowest_v: Some(50.4),
        load: None,
        predicted: None,
        recharged: None,
        contact_lost: false,
        end_unseen: false,
    }));
    records
}

#[tokio::test]
async fn a_calendar_shows_each_month_and_leads_to_the_test_that_proves_it() {
    let desk = Desk::new().await;
    desk.keep(year()).await;
    let page = desk.house.text("/tests", &desk.viewer).await;
    assert!(page.contains("Parking &#60;b&#62;P1&#60;/b&#62; &#38; מגדל"), "names are text");
    assert!(page.contains("Nov: Passed") && page.contains("Aug: Failed, then passed on retest"), "{page}");
    assert!(page.contains("Sep: Passed, 1 power failure"));
    let proof = format!("/inverters/mine/tests#t{}", at("2026-11-03T10:00:00Z").0);
    assert!(page.contains(&proof));
    assert!(!page.contains("Secret Bunker"));
    let own = desk.house.text("/inverters/mine/tests", &desk.viewer).await;
    assert!(own.contains(&format!("id=\"t{}\"", at("2026-11-03T10:00:00Z").0)));
    assert!(
        own.contains("Nov 3, 2026, 5:00 AM EST") && own.contains("Aug 3, 2026, 5:00 AM EDT"),
        "by the wall"
    );
    assert!(own.contains("The battery gave up before the time was over.") && own.contains("53.1&nbsp;V"));
    assert!(own.contains("6100&nbsp;W"));
    let other_year = desk.house.text("/tests?end=2025-11", &desk.viewer).await;
    assert!(other_year.contains("Nov: Not watched yet") && !other_year.contains("Passed on retest\""));
    for query in ["?site=stb", "?q=parking", "?q=2311", "?page=9&end=nonsense"] {
        assert!(desk.house.text(&format!("/tests{query}"), &desk.viewer).await.contains("P1"), "{query}");
    }
    let nothing = desk.house.text("/tests?q=nobody", &desk.viewer).await;
    assert!(nothing.contains("No inverter matches what you chose."));
    let stranger = desk.house.text("/tests", &desk.stranger).await;
    assert!(stranger.contains("No inverters yet") && !stranger.contains("P1"));
}

#[tokio::test]
async fn without_a_logbook_old_months_are_not_kept_which_is_not_missed() {
    let desk = Desk::new().await;
    // Registered a year and a half ago, heard today, one test kept.
    desk.house.wait(500 * DAY_MS);
    desk.house.read(desk.inverter, desk.house.now(), sample(104));
    let manager = desk
        .house
        .session(
            desk.house
                .state
                .account_by_email(&store::state::Email::parse("m@x.test").unwrap())
                .await
                .unwrap()
                .unwrap()
                .key,
        )
        .await;
    desk.keep(vec![monthly(desk.house.now().plus_ms(-5 * DAY_MS), false)]).await;
    let page = desk.house.text("/tests", &manager).await;
    assert!(page.contains("Not kept") && !page.contains("class=\"sr\">Jan: Missed"), "{page}");
    assert!(page.contains("which is not “missed”"));
}

#[tokio::test]
async fn who_manages_notes_what_was_done_and_it_stands_everywhere() {
    let desk = Desk::new().await;
    desk.keep(year()).await;
    let failed = at("2026-08-03T09:00:00Z");
    let path = format!("/inverters/mine/tests/{}/note", failed.0);
    let shown = desk.house.text("/inverters/mine/tests", &desk.manager).await;
    assert!(shown.contains(&format!("action=\"{path}\"")));
    let passed = at("2026-11-03T10:00:00Z");
    assert!(!shown.contains(&format!("/tests/{}/note", passed.0)), "nothing to say of a plain pass");
    let seen = desk.house.text("/inverters/mine/tests", &desk.viewer).await;
    assert!(!seen.contains("<textarea") && seen.contains("View only"));
    let note = "text=Battery+string+2+%3Cb%3Ereplaced%3C%2Fb%3E%0Aby+Voltline";
    let refused = desk.house.form(&path, &desk.viewer, note).await;
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    assert_eq!(desk.house.form(&path, &desk.stranger, note).await.status(), StatusCode::NOT_FOUND);
    let none = desk.house.form("/inverters/mine/tests/17/note", &desk.manager, note).await;
    assert_eq!(none.status(), StatusCode::NOT_FOUND);
    assert_eq!(desk.house.form(&path, &desk.manager, "text=+%0A").await.status(), StatusCode::BAD_REQUEST);
    assert_eq!(desk.house.form(&path, &desk.manager, note).await.status(), StatusCode::SEE_OTHER);
    for page in ["/inverters/mine/tests", "/tests/report?inverter=mine&last=12"] {
        let page = desk.house.text(page, &desk.viewer).await;
        assert!(page.contains("Battery string 2 &#60;b&#62;replaced&#60;/b&#62; by Voltline"), "{page}");
        assert!(page.contains("Dana Okafor"));
    }
    let csv = desk.house.text("/tests/report.csv?inverter=mine&last=12", &desk.viewer).await;
    assert!(csv.contains("Battery string 2 <b>replaced</b> by Voltline (Dana Okafor"));
    let log = desk.house.text("/inverters/mine/activity", &desk.manager).await;
    assert!(log.contains("noted what was done after a test"), "{log}");
    for _ in 0..9 {
        assert_eq!(desk.house.form(&path, &desk.manager, "text=more").await.status(), StatusCode::SEE_OTHER);
    }
    assert_eq!(
        desk.house.form(&path, &desk.manager, "text=too+many").await.status(),
        StatusCode::BAD_REQUEST
    );
}

#[tokio::test]
async fn a_report_is_of_what_one_may_see_and_of_no_more() {
    let desk = Desk::new().await;
    desk.keep(year()).await;
    let page = desk.house.text("/tests/report?inverter=mine&last=12", &desk.viewer).await;
    assert!(page.contains("Dec 1, 2025 to Nov 17, 2026") && page.contains("St. Brendan Medical Center"));
    assert!(page.contains("NFPA 101, 7.9.3") && page.contains("Checked by") && page.contains("Check code"));
    let last_month = desk.house.text("/tests/report", &desk.viewer).await;
    assert!(
        last_month.contains("Oct 1, 2026 to Oct 31, 2026") && last_month.contains("Oct 3, 2026, 6:00 AM EDT")
    );
    assert!(!last_month.contains("Nov 3, 2026"));
    for path in [
        "/tests/report?inverter=theirs",
        "/tests/report.pdf?inverter=theirs",
        "/tests/report.csv?site=other",
        "/tests/report.json?organization=NOWHERE222",
    ] {
        assert_eq!(desk.house.get(path, &desk.viewer).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(
        desk.house.get("/tests/report?inverter=mine", &desk.stranger).await.status(),
        StatusCode::NOT_FOUND
    );
    for wrong in ["month=2026-13", "from=2026-11-30", "last=x"] {
        let answer = desk.house.get(&format!("/tests/report?{wrong}"), &desk.viewer).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{wrong}");
    }
    let json = desk.house.json("/tests/report.json?inverter=mine&last=12", &desk.viewer).await;
    let sheet = &json["inverters"][0];
    assert_eq!(json["format"], "inverter-connect/test-report/1");
    assert_eq!(
        (sheet["serial"].as_str().unwrap(), sheet["tests"].as_array().unwrap().len()),
        ("2311-MINE", 12)
    );
    assert_eq!(sheet["tests"][0]["started"], "2026-01-03T10:00:00.000Z");
    assert_eq!(sheet["outages"][0]["length_s"], 754.0);
    assert_eq!(sheet["tests"][7]["grade"], "failed");
    // What is missing says why: no test of full length was ever seen.
    assert!(sheet["missing"].as_array().unwrap().iter().any(|missing| missing["what"] == "Annual test"));
    // The page and its files are one report.
    let between = |text: &str, from: &str, to: &str| {
        text.split(from).nth(1).unwrap().split(to).next().unwrap().to_owned()
    };
    let number = between(&page, "Report TR-", ",");
    let link = between(&page, "href=\"/tests/report.json", "\"").replace("&#38;", "&");
    let same = desk.house.json(&format!("/tests/report.json{link}"), &desk.viewer).await;
    assert_eq!(same["number"], format!("TR-{number}"));
    desk.house.wait(60_000);
    assert_eq!(desk.house.json(&format!("/tests/report.json{link}"), &desk.viewer).await, same);
    let of_old = desk.house.json("/tests/report.json?inverter=mine&at=1700000000000", &desk.viewer).await;
    assert_eq!(of_old["made_at"], desk.house.now().to_rfc3339(), "nobody dates a report back");
    let file = desk.house.get("/tests/report.pdf?inverter=mine&last=12", &desk.viewer).await;
    assert_eq!(file.headers()["content-type"], "application/pdf");
    assert!(file.headers()["content-disposition"].to_str().unwrap().ends_with(".pdf\""));
    // The file carries its signature, and any byte that is changed shows.
    let bytes = file.into_body().collect().await.unwrap().to_bytes();
    let (trailer, line) = without_trailer(&bytes).unwrap();
    let check: Check = open(line).unwrap().says().unwrap().unwrap();
    let covered = &bytes[..bytes.len() - trailer];
    assert_eq!((check.bytes, check.sha256), (covered.len() as u64, Hash::of(covered)));
    assert_eq!(open(line).unwrap().key, desk.house.signer.public());
    let mut changed = covered.to_vec();
    changed[covered.len() / 2] ^= 1;
    assert_ne!(Hash::of(&changed), check.sha256);
    for ending in ["csv", "json"] {
        let of = link.clone();
        let bytes = desk.house.text(&format!("/tests/report.{ending}{of}"), &desk.viewer).await;
        let line = desk.house.text(&format!("/tests/report.{ending}.check{of}"), &desk.viewer).await;
        let check: Check = open(line.trim_end().as_bytes()).unwrap().says().unwrap().unwrap();
        assert_eq!((check.name, check.sha256), (format!("TR-{number}.{ending}"), Hash::of(bytes.as_bytes())));
    }
}

#[tokio::test]
async fn the_api_has_the_same_record() {
    let desk = Desk::new().await;
    desk.keep(year()).await;
    let json =
        desk.house.json("/api/v1/inverters/mine/tests?from=2026-08-01&to=2026-09-30", &desk.viewer).await;
    assert_eq!((json["from"].as_str(), json["to"].as_str()), (Some("2026-08-01"), Some("2026-09-30")));
    let states: Vec<&str> =
        json["months"].as_array().unwrap().iter().map(|month| month["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["retested", "passed"]);
    assert_eq!(json["months"][1]["power_failures"], 1);
    assert_eq!(json["record"]["tests"].as_array().unwrap().len(), 3);
    assert_eq!(json["months"][0]["test"], format!("test/{}", at("2026-08-06T14:40:00Z").0));
    let refused = desk.house.get("/api/v1/inverters/theirs/tests", &desk.viewer).await;
    assert_eq!(refused.status(), StatusCode::NOT_FOUND);
    let asked = desk.house.get("/api/v1/inverters/mine/tests?month=nonsense", &desk.viewer).await;
    assert_eq!(asked.status(), StatusCode::BAD_REQUEST);
    assert!(body(asked).await.contains("2026-10"));
}

#[tokio::test]
async fn a_long_report_is_made_while_nobody_waits_and_is_nobody_elses() {
    let desk = Desk::new().await;
    desk.keep(vec![monthly(desk.house.now().plus_ms(-20 * DAY_MS), false)]).await;
    let begun = desk.house.form("/tests/exports", &desk.viewer, "inverter=mine&last=12").await;
    assert_eq!(begun.status(), StatusCode::SEE_OTHER);
    let path = begun.headers()["location"].to_str().unwrap().to_owned();
    let ready = crate::house::soon(async {
        loop {
            let page = desk.house.text(&path, &desk.viewer).await;
            if page.contains("Ready.") {
                return page;
            }
            assert!(page.contains("You can leave"), "{page}");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    })
    .await;
    // Ten days are left of the thirty of its oldest record; no more than seven are taken.
    assert!(ready.contains("Kept until Nov 24, 2026"), "{ready}");
    let pdf = desk.house.get(&format!("{path}/pdf"), &desk.viewer).await;
    assert_eq!(
        (pdf.status(), &pdf.headers()["content-type"]),
        (StatusCode::OK, &"application/pdf".parse().unwrap())
    );
    let json = desk.house.json(&format!("{path}/json"), &desk.viewer).await;
    assert_eq!(json["inverters"][0]["tests"].as_array().unwrap().len(), 1);
    assert!(desk.house.text(&format!("{path}/csv"), &desk.viewer).await.starts_with("record,inverter"));
    for path in [path.clone(), format!("{path}/pdf")] {
        assert_eq!(desk.house.get(&path, &desk.manager).await.status(), StatusCode::NOT_FOUND);
    }
    for _ in 0..2 {
        let more = desk.house.form("/tests/exports", &desk.viewer, "inverter=mine").await;
        assert_eq!(more.status(), StatusCode::SEE_OTHER);
    }
    let many = desk.house.form("/tests/exports", &desk.viewer, "inverter=mine").await;
    assert_eq!(many.status(), StatusCode::SERVICE_UNAVAILABLE, "three of one account");
    let theirs = desk.house.form("/tests/exports", &desk.viewer, "inverter=theirs").await;
    assert_eq!(theirs.status(), StatusCode::NOT_FOUND);
    // Access ends: its files are gone, too.
    let viewer = desk.house.state.account_by_email(&store::state::Email::parse("v@x.test").unwrap()).await;
    desk.house.ungrant(viewer.unwrap().unwrap().key, desk.inverter).await;
    assert_eq!(desk.house.get(&format!("{path}/pdf"), &desk.viewer).await.status(), StatusCode::NOT_FOUND);
}

/// ASVS 5.0: 14.2.2.
#[tokio::test]
async fn the_files_of_an_export_go_with_the_thirty_days() {
    let desk = Desk::new().await;
    desk.keep(vec![monthly(desk.house.now().plus_ms(-29 * DAY_MS), false)]).await;
    let begun = desk.house.form("/tests/exports", &desk.viewer, "inverter=mine&last=12").await;
    let path = begun.headers()["location"].to_str().unwrap().to_owned();
    crate::house::soon(async {
        while desk.house.get(&format!("{path}/pdf"), &desk.viewer).await.status() != StatusCode::OK {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    })
    .await;
    desk.house.wait(DAY_MS);
    desk.house.context.kept_exports().sweep(desk.house.now());
    let viewer = desk.house.state.account_by_email(&store::state::Email::parse("v@x.test").unwrap()).await;
    let account = viewer.unwrap().unwrap().key;
    assert!(
        desk.house.context.kept_exports().of(account, UtcMs(0)).is_empty(),
        "from memory, not only from sight"
    );
}
