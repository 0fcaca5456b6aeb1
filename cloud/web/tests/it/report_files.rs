//! A report as a page, PDF, CSV and JSON, and the same record in the API: all say the same of the same tests, also in the nights in which a
//! site's clock is changed.
//!
//! In: records as the pipeline writes them. Out: what somebody reads who has the page, the paper or the file.

use fleet::record::{Outage, Predicted, Record};
use fleet::self_test::{Found, Kind, SeenBy};
use fleet::{Role, TestRecord};
use http_body_util::BodyExt;
use serde_json::Value;
use store::state::{InverterEdit, NewSite, RecordRow};
use wire::UtcMs;

use crate::house::{House, Proof};
use crate::pdf;

/// What the same inverter is in every form.
struct Forms {
    page: String,
    pdf: String,
    /// A line each, cell by cell.
    csv: Vec<Vec<String>>,
    json: Value,
    calendar: String,
    api: Value,
}

fn at(text: &str) -> UtcMs {
    UtcMs::parse_rfc3339(text).unwrap()
}

fn test(started: &str) -> Found {
    let started = at(started);
    let own = TestRecord {
        count: 7,
        kind: "monthly".to_owned(),
        result: "passed".to_owned(),
        started: Some(started),
        length_s: Some(30),
        end_voltage: Some(5_310),
        told: started.plus_ms(31_000),
    };
    Found {
        kind: Kind::Monthly,
        seen_by: SeenBy::Telemetry,
        started,
        length_s: 30.2,
        interrupted: false,
        gave_up: false,
        charged: Some(true),
        above_cutoff_v: None,
        load: Some(6_100.0),
        own: Some(own),
        at_cutoff: false,
    }
}

fn outage(started: &str, recharged: &str) -> Record {
    Record::Outage(lost(started, recharged))
}

fn lost(started: &str, recharged: &str) -> Outage {
    Outage {
        started: at(started),
        length_s: 754.0,
        gave_up: false,
        lowest_v: Some(50.4),
        load: None,
        predicted: Some(Predicted { runtime_s: 5_760.0, low_s: 5_400.0, high_s: 6_100.0 }),
        recharged: Some(at(recharged)),
        contact_lost: false,
        end_unseen: false,
    }
}

/// Everything that is said of an inverter at a place with this clock, for a month.
async fn forms(zone: &str, month: &str, records: Vec<Record>) -> Forms {
    let house = House::new().await;
    let key = house.inverter("mine", "Parking P1").await;
    let new = NewSite { public_id: "there", owner: None, name: "There", address: "", time_zone: zone };
    let site = house.state.add_site(new, &house.act(fleet::audit::Verb::SiteAdd)).await.unwrap();
    let edit = InverterEdit { site: Some(Some(site)), ..InverterEdit::default() };
    house.state.edit_inverter(key, edit, &house.act(fleet::audit::Verb::InverterEdit)).await.unwrap();
    let account = house.account("v@x.test").await;
    house.grant(account, key, Role::ReadOnly).await;
    let rows: Vec<RecordRow> = records
        .into_iter()
        .map(|record| RecordRow { inverter: key, told_at: record.ended(), record })
        .collect();
    house.state.commit_records(&rows).await.unwrap();
    let who = house.session(account).await;
    let query = format!("inverter=mine&month={month}");
    let file = house.get(&format!("/tests/report.pdf?{query}"), &who).await;
    let file = file.into_body().collect().await.unwrap().to_bytes();
    let text = async |path: String| house.text(&path, &who).await;
    Forms {
        page: without_breaks(&text(format!("/tests/report?{query}")).await),
        pdf: pdf::text(&file),
        csv: cells(&text(format!("/tests/report.csv?{query}")).await),
        json: json(&house, &who, &format!("/tests/report.json?{query}")).await,
        calendar: text(format!("/tests?end={month}")).await,
        api: json(&house, &who, &format!("/api/v1/inverters/mine/tests?month={month}")).await,
    }
}

async fn json(house: &House, who: &Proof, path: &str) -> Value {
    house.json(path, who).await
}

fn without_breaks(html: &str) -> String {
    html.replace("&nbsp;", " ").replace('\u{a0}', " ")
}

/// RFC 4180, as a spreadsheet reads it.
fn cells(text: &str) -> Vec<Vec<String>> {
    let mut lines = vec![vec![String::new()]];
    let (mut quoted, mut characters) = (false, text.chars().peekable());
    while let Some(character) = characters.next() {
        let line = lines.last_mut().unwrap();
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => {
                line.last_mut().unwrap().push(characters.next().unwrap())
            }
            '"' => quoted = !quoted,
            ',' if !quoted => line.push(String::new()),
            '\r' if !quoted => {}
            '\n' if !quoted => lines.push(vec![String::new()]),
            other => line.last_mut().unwrap().push(other),
        }
    }
    assert_eq!(lines.pop(), Some(vec![String::new()]), "the last line ends");
    lines
}

impl Forms {
    /// Cells of the CSV's lines of a kind, by the names of their columns.
    fn lines(&self, record: &str, columns: &[&str]) -> Vec<Vec<&str>> {
        let place = |name: &str| self.csv[0].iter().position(|column| column == name).unwrap();
        let of = |line: &'_ Vec<String>| line[0] == record;
        let picked = self.csv.iter().filter(|line| of(line));
        picked.map(|line| columns.iter().map(|name| line[place(name)].as_str()).collect()).collect()
    }

    /// Paper and CSV say what the data say, no more and no less.
    fn agree(&self) {
        let sheet = &self.json["inverters"][0];
        let tests = sheet["tests"].as_array().unwrap();
        let columns = ["started", "started_local", "kind", "length_s", "result", "reason", "own_result"];
        let lines = self.lines("test", &columns);
        assert_eq!(lines.len(), tests.len());
        for (line, test) in lines.iter().zip(tests) {
            let text = |name: &str| test[name].as_str().unwrap_or_default().replace('\u{a0}', " ");
            let length = format!("{:.1}", test["length_s"].as_f64().unwrap());
            let told = [
                text("started"),
                text("started_words"),
                text("kind"),
                length,
                text("grade"),
                text("reason"),
                text("own_result"),
            ];
            let line: Vec<String> = line.iter().map(|cell| cell.replace('\u{a0}', " ")).collect();
            assert_eq!(line, told);
            let volts = test["end_voltage"].as_f64().unwrap();
            let row = format!("{} {}", text("started_words"), capital(&text("kind")));
            for part in [row, pdf::words(&text("reason")), format!("{volts:.1} V")] {
                assert!(self.pdf.contains(&part), "{part:?} is not on paper: {}", self.pdf);
                assert!(self.page.contains(part.split(" Monthly").next().unwrap()), "{part:?}");
            }
            assert_eq!(
                self.pdf.matches(&text("started_words")).count(),
                1,
                "{}: {}",
                text("started_words"),
                self.pdf
            );
        }
        let outages = sheet["outages"].as_array().unwrap();
        let lines = self.lines("outage", &["started", "started_local", "reason"]);
        assert_eq!(lines.len(), outages.len());
        for (line, outage) in lines.iter().zip(outages) {
            let text = |name: &str| outage[name].as_str().unwrap();
            assert_eq!(line, &[text("started"), text("started_words"), text("words")]);
            for part in ["started_words", "words"].map(|name| pdf::words(text(name))) {
                assert!(
                    self.pdf.contains(&part) && pdf::words(&self.page).contains(&part),
                    "{part:?}: {}",
                    self.pdf
                );
            }
        }
        let missing = sheet["missing"].as_array().unwrap();
        assert_eq!(self.lines("missing", &["started_local"]).len(), missing.len());
        for one in missing {
            let part =
                pdf::words(&format!("{} {}", one["what"].as_str().unwrap(), one["why"].as_str().unwrap()));
            assert!(self.pdf.contains(&part), "{part:?}: {}", self.pdf);
        }
        assert_eq!(self.api["record"], *sheet, "the API has the same record");
    }
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[tokio::test]
async fn an_hour_that_comes_twice_is_told_apart_in_every_form() {
    for (zone, month, nights) in [
        (
            "Europe/Berlin",
            "2026-10",
            [
                ("2026-10-25T00:30:00Z", "Oct 25, 2026, 2:30 AM CEST"),
                ("2026-10-25T01:30:00Z", "Oct 25, 2026, 2:30 AM CET"),
            ],
        ),
        (
            "Europe/Berlin",
            "2026-03",
            [
                ("2026-03-29T00:59:00Z", "Mar 29, 2026, 1:59 AM CET"),
                ("2026-03-29T01:00:00Z", "Mar 29, 2026, 3:00 AM CEST"),
            ],
        ),
        (
            "America/New_York",
            "2026-11",
            [
                ("2026-11-01T05:30:00Z", "Nov 1, 2026, 1:30 AM EDT"),
                ("2026-11-01T06:30:00Z", "Nov 1, 2026, 1:30 AM EST"),
            ],
        ),
        // Half an hour, and no letters of its own.
        (
            "Australia/Lord_Howe",
            "2026-04",
            [
                ("2026-04-04T14:45:00Z", "Apr 5, 2026, 1:45 AM +11"),
                ("2026-04-04T15:15:00Z", "Apr 5, 2026, 1:45 AM +1030"),
            ],
        ),
    ] {
        let [(first, first_words), (second, second_words)] = nights;
        let power = outage(first, second);
        let tests = nights.map(|(started, _)| Record::Test(test(started)));
        let forms = forms(zone, month, tests.into_iter().chain([power]).collect()).await;
        let sheet = &forms.json["inverters"][0];
        for (number, (started, words)) in nights.into_iter().enumerate() {
            assert_eq!(sheet["tests"][number]["started"], at(started).to_rfc3339());
            assert_eq!(sheet["tests"][number]["started_words"], words, "{zone}");
        }
        assert_eq!(sheet["outages"][0]["started_words"], first_words);
        let full = format!("Full again {second_words}.");
        assert!(sheet["outages"][0]["words"].as_str().unwrap().ends_with(&full), "{sheet}");
        let tests = forms.lines("test", &["started", "started_local"]);
        assert_eq!(tests[0][1], first_words, "{zone}");
        assert_eq!(tests[1][1], second_words, "{zone}");
        for words in [first_words, second_words] {
            assert!(forms.page.contains(words) && forms.pdf.contains(words), "{words}: {}", forms.pdf);
        }
        assert!(forms.pdf.contains(zone), "the paper says by which clock");
    }
}

#[tokio::test]
async fn how_an_outage_ended_is_called_the_same_in_every_form() {
    let unseen = "Its end was not seen: the battery fed at least so long";
    let dark = "The battery gave up: the lights went out.";
    for (gave_up, end_unseen, result, words, other) in [
        (false, false, "held", "It was said to hold", unseen),
        (false, true, "end_unknown", unseen, dark),
        (true, false, "gave_up", dark, unseen),
        (true, true, "gave_up", dark, "held"),
    ] {
        let lost = Outage { gave_up, end_unseen, ..lost("2026-10-03T10:00:00Z", "2026-10-03T14:00:00Z") };
        let forms = forms("America/New_York", "2026-10", vec![Record::Outage(lost)]).await;
        forms.agree();
        assert_eq!(forms.lines("outage", &["result"]), [[result]]);
        let told = &forms.json["inverters"][0]["outages"][0];
        assert_eq!((&told["gave_up"], &told["end_unseen"]), (&gave_up.into(), &end_unseen.into()));
        let text = told["words"].as_str().unwrap().replace('\u{a0}', " ");
        assert!(text.contains(words) && !text.contains(other), "{result}: {text}");
    }
}

#[tokio::test]
async fn months_of_which_nothing_can_be_known_are_one_line() {
    let house = House::new().await;
    let key = house.inverter("mine", "Parking P1").await;
    let account = house.account("v@x.test").await;
    house.grant(account, key, Role::ReadOnly).await;
    let who = house.session(account).await;
    let json = house.json("/tests/report.json?inverter=mine&last=12", &who).await;
    let missing = json["inverters"][0]["missing"].as_array().unwrap();
    assert_eq!(missing[0]["what"], "Dec 2025 to Oct 2026");
    assert_eq!(missing[0]["why"], "Nobody watched this inverter yet.");
    assert!(missing.len() <= 3, "{missing:?}");
}

#[tokio::test]
async fn each_grade_is_called_the_same_in_every_form() {
    for (which, grade, words, cell) in [
        ("passed", "passed", "Passed", "Oct: Passed"),
        ("not charged", "remark", "Passed, with a remark", "Oct: Passed, with a remark"),
        ("interrupted", "incomplete", "Not complete", "Oct: Not complete"),
        ("gave up", "failed", "Failed", "Oct: Failed"),
        ("its own word", "failed", "Failed", "Oct: Failed"),
    ] {
        let mut found = test("2026-10-03T10:00:00Z");
        match which {
            "not charged" => found.charged = Some(false),
            "interrupted" => found.interrupted = true,
            "gave up" => (found.gave_up, found.length_s) = (true, 11.0),
            "its own word" => found.own.as_mut().unwrap().result = "failed".to_owned(),
            _ => {}
        }
        let forms = forms("America/New_York", "2026-10", vec![Record::Test(found)]).await;
        forms.agree();
        assert_eq!(forms.json["inverters"][0]["tests"][0]["grade"], grade, "{which}");
        assert_eq!(forms.lines("test", &["result"]), [[grade]], "{which}");
        let row = format!(
            "Oct 3, 2026, 6:00 AM EDT Monthly {} {words}",
            if which == "gave up" { "11 s" } else { "30 s" }
        );
        assert!(forms.pdf.contains(&row), "{which}: {row:?} is not in {}", forms.pdf);
        assert!(forms.calendar.contains(&format!("class=\"sr\">{cell}<")), "{which}: {}", forms.calendar);
        assert_eq!(forms.api["months"][0]["state"], grade, "{which}");
        // The mark and the word go together.
        let state = match grade {
            "passed" => "ok",
            "failed" => "alarm",
            _ => "warn",
        };
        let shown = pdf::words(forms.page.split_once("sheet__table").unwrap().1);
        assert!(shown.contains(&format!("data-s=\"{state}\"")) && shown.contains(words), "{which}: {shown}");
        for (other, word) in [("ok", "Passed<"), ("alarm", "Failed<"), ("warn", "Not complete<")] {
            assert!(other == state || !shown.contains(word), "{which} is not {word}");
        }
    }
}

#[tokio::test]
async fn a_test_is_in_the_month_that_was_on_its_wall() {
    // Minutes before and after midnight of November 1 in New York, which is 4 AM in UTC.
    for (started, october, november) in
        [("2026-11-01T03:59:00Z", "passed", 0), ("2026-11-01T04:01:00Z", "not_watched", 1)]
    {
        let records = || vec![Record::Test(test(started))];
        let forms_of = async |month| forms("America/New_York", month, records()).await;
        let (of_october, of_november) = (forms_of("2026-10").await, forms_of("2026-11").await);
        assert_eq!(of_october.api["months"][0]["state"], october, "{started}");
        for (forms, count) in [(of_october, 1 - november), (of_november, november)] {
            let tests = forms.json["inverters"][0]["tests"].as_array().unwrap().len();
            assert_eq!((tests, forms.lines("test", &["started"]).len()), (count, count), "{started}");
            assert_eq!(forms.pdf.contains("No test is in the record of this time."), count == 0);
        }
    }
}
