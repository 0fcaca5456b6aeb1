//! Logbooks: started by an owner in plain words, exported whole, checked by the recipes that are published, given up.

use std::path::Path;
use std::process::{Command, Output};

use fleet::logbook::{Check, Entry, Inverter, Verifier, What, with_trailer};
use fleet::record::Outage;
use fleet::self_test::NFPA_101;
use fleet::{AccountKey, InverterKey, MemberRole, OrganizationKey, Record, Role};
use http::{Method, StatusCode};
use store::state::{AuditQuery, Draft, RecordRow, Whose};

use wire::UtcMs;
use wire::time::DAY_MS;

use crate::house::{CLUB, House, ORIGIN, Proof, body, sample};
use crate::test_record::monthly;

const YES: &str = "years=5&sure=yes";

struct Club {
    house: House,
    key: OrganizationKey,
    hall: InverterKey,
    account: AccountKey,
    owner: Proof,
}

fn page() -> String {
    format!("/organizations/{CLUB}/logbook")
}

async fn club() -> Club {
    let house = House::new().await;
    let key = house.club().await;
    let hall = house.inverter("mine", "East Tower").await;
    house.grant(key, hall, Role::ReadWrite).await;
    let account = house.account("owner@x.test").await;
    house.member(key, account, MemberRole::Owner).await;
    let owner = house.session(account).await;
    Club { house, key, hall, account, owner }
}

impl Club {
    async fn member(&self, name: &str, role: MemberRole) -> (AccountKey, Proof) {
        let account = self.house.account(&format!("{name}@x.test")).await;
        self.house.member(self.key, account, role).await;
        (account, self.house.session(account).await)
    }

    async fn post(&self, path: &str, proof: &Proof, form: &str) -> (StatusCode, String) {
        let response = self.house.send(Method::POST, path, proof, &[("origin", ORIGIN)], form).await;
        (response.status(), body(response).await)
    }

    async fn begin(&self) {
        assert_eq!(self.post(&page(), &self.owner, YES).await.0, StatusCode::SEE_OTHER);
    }

    /// So many outages, entered as the server does.
    async fn enter(&self, count: i64) {
        let now = self.house.now();
        for at in 0..count {
            let outage = Outage {
                started: now.plus_ms(at * 60_000),
                length_s: 60.0,
                gave_up: false,
                lowest_v: Some(118.25),
                load: None,
                predicted: None,
                recharged: None,
                contact_lost: false,
                end_unseen: false,
            };
            let row = RecordRow { inverter: self.hall, record: Record::Outage(outage), told_at: now };
            self.house.state.commit_records(&[row]).await.unwrap();
        }
        for waiting in self.house.state.logbook_waiting(1_000).await.unwrap() {
            let row = self.house.state.record(waiting.inverter, &waiting.record_key).await.unwrap().unwrap();
            let named = Inverter {
                serial: "2311-MINE".to_owned(),
                // What a shell or a regular expression could stumble over.
                name: "Zoë's \"East\" $(Tower), \\signature".to_owned(),
                site: Some("Pier 4".to_owned()),
            };
            let draft = Draft {
                id: waiting.id,
                inverter: waiting.inverter,
                named,
                record_key: waiting.record_key,
                what: What::of(&row.record, &NFPA_101, 90),
            };
            let entered = self.house.state.enter(waiting.book, vec![draft], now, &self.house.signer).await;
            assert_eq!(entered.unwrap(), 1);
        }
    }

    async fn export(&self) -> String {
        let (status, text) = self.post(&format!("{}/export", page()), &self.owner, "").await;
        assert_eq!(status, StatusCode::OK);
        text
    }
}

#[tokio::test]
async fn only_an_owner_starts_it_and_only_after_agreeing() {
    let club = club().await;
    let (_, member) = club.member("member", MemberRole::Member).await;
    let (_, viewer) = club.member("viewer", MemberRole::Viewer).await;
    for (proof, may) in [(&club.owner, true), (&member, false), (&viewer, false)] {
        let shown = club.house.text(&page(), proof).await;
        assert!(shown.contains("Off. Tests and outages") && shown.contains("Not kept:"), "{shown}");
        assert_eq!(shown.contains("Start the logbook"), may);
    }
    assert!(club.house.text(&format!("/organizations/{CLUB}"), &viewer).await.contains(&page()));
    for proof in [&member, &viewer] {
        assert_eq!(club.post(&page(), proof, YES).await.0, StatusCode::FORBIDDEN);
        assert_eq!(club.post(&format!("{}/export", page()), proof, "").await.0, StatusCode::FORBIDDEN);
    }
    for form in ["years=5", "years=0&sure=yes", "years=11&sure=yes", "sure=yes", ""] {
        assert_eq!(club.post(&page(), &club.owner, form).await.0, StatusCode::BAD_REQUEST, "{form}");
    }
    assert_eq!(club.house.state.logbook(club.key).await.unwrap(), None, "nothing was begun");
    club.begin().await;
    let kept = club.house.state.logbook(club.key).await.unwrap().unwrap();
    assert_eq!((kept.years, kept.place.book.len()), (5, 32));
    club.begin().await;
    assert_eq!(club.house.state.logbook(club.key).await.unwrap().unwrap(), kept, "said again, it goes on");
    assert_eq!(club.post(&page(), &club.owner, "years=3&sure=yes").await.0, StatusCode::SEE_OTHER);
    assert_eq!(club.house.state.logbook(club.key).await.unwrap().unwrap().years, 3);
    let query = AuditQuery::newest(Whose::Organization(club.key), 10);
    let acts = club.house.state.audit_acts(&query).await.unwrap();
    let verbs: Vec<_> = acts.iter().filter_map(|act| act.verb).map(fleet::audit::Verb::name).collect();
    assert!(verbs.starts_with(&["logbook.years", "logbook.begin"]), "{verbs:?}");
}

#[tokio::test]
async fn the_exported_file_holds_and_its_page_tells_of_the_same_entries() {
    let club = club().await;
    club.begin().await;
    club.enter(60).await;
    let text = club.export().await;
    let mut verifier = Verifier::new(vec![club.house.signer.public().fingerprint()]);
    text.lines().for_each(|line| verifier.line(line.as_bytes()));
    let verdict = verifier.finish();
    assert!(verdict.holds(), "{:?}", verdict.findings);
    assert_eq!((verdict.entries, verdict.closing.unwrap().last), (60, 60));
    assert_eq!(verdict.opening.unwrap().organization, "Harborview Properties");
    let shown = club.house.text(&page(), &club.owner).await;
    assert!(shown.contains("60 entries") && shown.contains("?before=11"), "{shown}");
    assert!(shown.contains("Zoë") && !shown.contains("$(Tower), \\signature\" <"), "{shown}");
    let older = club.house.text(&format!("{}?before=11", page()), &club.owner).await;
    assert_eq!(older.matches("on battery").count(), 10);
}

#[tokio::test]
async fn it_is_given_up_by_its_name_and_then_it_is_gone() {
    let club = club().await;
    club.begin().await;
    club.enter(2).await;
    let delete = format!("{}/delete", page());
    assert_eq!(club.post(&delete, &club.owner, "name=Pier").await.0, StatusCode::BAD_REQUEST);
    assert_eq!(club.export().await.lines().count(), 4);
    let done = club.post(&delete, &club.owner, "name=Harborview+Properties").await.0;
    assert_eq!(done, StatusCode::SEE_OTHER);
    assert_eq!(club.post(&format!("{}/export", page()), &club.owner, "").await.0, StatusCode::NOT_FOUND);
    assert_eq!(club.post(&delete, &club.owner, "name=Harborview+Properties").await.0, StatusCode::NOT_FOUND);
    assert!(club.house.text(&page(), &club.owner).await.contains("Start the logbook"));
}

/// A monthly test, told and entered, of which only the logbook knows any more.
async fn long_ago(club: &Club, started: UtcMs, failed: bool) {
    let row = RecordRow { inverter: club.hall, record: monthly(started, failed), told_at: started };
    club.house.state.commit_records(&[row]).await.unwrap();
    for waiting in club.house.state.logbook_waiting(1_000).await.unwrap() {
        let row = club.house.state.record(waiting.inverter, &waiting.record_key).await.unwrap().unwrap();
        let named = Inverter { serial: "2311-MINE".to_owned(), name: "East".to_owned(), site: None };
        let draft = Draft {
            id: waiting.id,
            inverter: waiting.inverter,
            named,
            record_key: waiting.record_key,
            what: What::of(&row.record, &NFPA_101, 90),
        };
        let entered = club.house.state.enter(waiting.book, vec![draft], club.house.now(), &club.house.signer);
        assert_eq!(entered.await.unwrap(), 1);
    }
    club.house.state.delete_records_before(club.house.now().plus_ms(-30 * DAY_MS)).await.unwrap();
}

#[tokio::test]
async fn what_was_done_years_ago_is_in_the_report_of_then_and_never_called_missed() {
    let club = club().await;
    club.begin().await;
    let then = club.house.now();
    // Watched since then, heard ever since.
    club.house.read(club.hall, then, sample(104));
    let mut tests = Vec::new();
    for month in 0..4 {
        let started = then.plus_ms((20 + month * 30) * DAY_MS);
        tests.push(started);
    }
    club.house.wait(900 * DAY_MS);
    club.house.read(club.hall, club.house.now(), sample(104));
    for started in &tests {
        long_ago(&club, *started, false).await;
    }
    let owner = club.house.session(club.account).await;
    let day = |at: &UtcMs| at.to_rfc3339()[..10].to_owned();
    let period = format!("from={}&to={}", day(&tests[1]), day(&tests[2]));
    let json = club.house.json(&format!("/tests/report.json?inverter=mine&{period}"), &owner).await;
    let sheet = &json["inverters"][0];
    assert_eq!(sheet["tests"].as_array().unwrap().len(), 2, "{sheet}");
    let missing = sheet["missing"].to_string();
    assert!(!missing.contains("five weeks"), "{missing}");
}

#[tokio::test]
async fn what_was_before_the_inverter_came_to_the_organization_is_not_called_missed() {
    let club = club().await;
    club.begin().await;
    let other = club.house.inverter("later", "Later").await;
    club.house.read(other, club.house.now(), sample(104));
    club.house.wait(200 * DAY_MS);
    club.house.read(other, club.house.now(), sample(104));
    club.house.grant(club.key, other, Role::ReadWrite).await;
    let owner = club.house.session(club.account).await;
    let json = club.house.json("/tests/report.json?inverter=later&last=8", &owner).await;
    let sheet = &json["inverters"][0];
    assert!(!sheet["missing"].to_string().contains("five weeks"), "{sheet}");
    assert!(sheet["kept"].as_str().unwrap().contains("is not"), "{sheet}");
}

#[tokio::test]
async fn without_a_logbook_nothing_is_said_to_be_in_one() {
    let club = club().await;
    club.house.read(club.hall, club.house.now(), sample(104));
    let asked = "/tests/report.json?inverter=mine&last=1";
    let kept = |json: serde_json::Value| json["inverters"][0]["kept"].as_str().unwrap().to_owned();
    let before = kept(club.house.json(asked, &club.owner).await);
    assert!(before.contains("kept for 30\u{a0}days") && !before.contains("in the logbook"), "{before}");
    club.begin().await;
    let with = kept(club.house.json(asked, &club.owner).await);
    assert!(with.contains("in the logbook"), "{with}");
}

#[tokio::test]
async fn an_export_of_some_with_a_logbook_and_some_without_can_be_fetched() {
    let club = club().await;
    club.begin().await;
    let without = club.house.inverter("without", "Without").await;
    club.house.grant(club.account, without, Role::ReadWrite).await;
    club.house.wait(300 * DAY_MS);
    long_ago(&club, club.house.now().plus_ms(-200 * DAY_MS), false).await;
    let owner = club.house.session(club.account).await;
    let begun = club.house.form("/tests/exports", &owner, "last=12").await;
    let path = begun.headers()["location"].to_str().unwrap().to_owned();
    crate::house::soon(async {
        while club.house.get(&format!("{path}/csv"), &owner).await.status() != StatusCode::OK {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_note_may_be_written_on_a_test_that_only_the_logbook_knows() {
    let club = club().await;
    club.begin().await;
    club.house.wait(300 * DAY_MS);
    let started = club.house.now().plus_ms(-100 * DAY_MS);
    long_ago(&club, started, true).await;
    let owner = club.house.session(club.account).await;
    let note = |at: i64| format!("/inverters/mine/tests/{at}/note");
    assert_eq!(club.post(&note(started.0), &owner, "text=New+battery").await.0, StatusCode::SEE_OTHER);
    assert_eq!(club.post(&note(started.0 + 1), &owner, "text=x").await.0, StatusCode::NOT_FOUND);
    assert_eq!(club.post("/inverters/mine/tests/x/note", &owner, "text=x").await.0, StatusCode::NOT_FOUND);
    club.house.state.sweep(club.house.now()).await.unwrap();
    assert!(club.house.text("/inverters/mine/tests", &owner).await.contains("New battery"), "and it stays");
}

#[tokio::test]
async fn an_organization_with_a_logbook_is_not_deleted_until_that_is_given_up() {
    let club = club().await;
    let keeper = club.house.account("keeper@x.test").await;
    club.house.grant(keeper, club.hall, Role::ReadWrite).await;
    club.begin().await;
    club.enter(1).await;
    let (delete, name) = (format!("/organizations/{CLUB}/delete"), "name=Harborview+Properties");
    let (status, said) = club.post(&delete, &club.owner, name).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(said.contains("give the logbook up first"), "{said}");
    assert_eq!(club.post(&format!("{}/delete", page()), &club.owner, name).await.0, StatusCode::SEE_OTHER);
    assert_eq!(club.post(&delete, &club.owner, name).await.0, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn what_a_logbook_holds_of_an_inverter_is_for_its_members_and_for_no_guest() {
    let club = club().await;
    club.begin().await;
    club.enter(3).await;
    let (viewer, _) = club.member("viewer", MemberRole::Viewer).await;
    let guest = club.house.account("guest@x.test").await;
    club.house.grant(guest, club.hall, Role::ReadWrite).await;
    let asked = async |account| {
        let token = club.house.token(account).await;
        let list = club.house.json("/api/v1/inverters/mine/logbook", &token).await;
        list["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["line"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let lines = asked(viewer).await;
    assert_eq!(lines.len(), 3);
    assert_eq!(Entry::unchecked(&lines[2]).unwrap().number, 3);
    assert!(club.export().await.contains(&lines[1]), "byte for byte");
    assert_eq!(asked(guest).await, Vec::<String>::new());
    let demand = club.house.act(fleet::audit::Verb::OrganizationEdit);
    club.house.state.update_organization(club.key, "Harborview", true, &demand).await.unwrap();
    club.house.grant(viewer, club.hall, Role::ReadOnly).await;
    assert_eq!(
        asked(viewer).await,
        Vec::<String>::new(),
        "not without the second factor that the club demands"
    );
    let late = "/api/v1/inverters/mine/logbook?from=2036-01-01T00:00:00Z";
    let list = club.house.json(late, &club.house.token(guest).await).await;
    assert_eq!(list, serde_json::json!({"items": [], "next": null}));
}

/// A recipe as it stands on the page.
fn recipe(page: &str, id: &str) -> String {
    let text = page.split(&format!("id=\"{id}\"")).nth(1).unwrap().split_once('>').unwrap().1;
    let text = text.split("</pre>").next().unwrap();
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#34;", "\"");
    text.replace("&#39;", "'")
        .replace("&#60;", "<")
        .replace("&#62;", ">")
        .replace("&#38;", "&")
        .replace("&amp;", "&")
}

fn run(folder: &Path, program: &str, arguments: &[&str]) -> Output {
    Command::new(program).args(arguments).current_dir(folder).output().unwrap()
}

fn words(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Needs openssl 3, sha256sum, sed, grep and Python 3 on this machine: the promise is about those.
#[tokio::test]
async fn the_published_recipes_find_what_holds_and_what_was_changed_with_openssl_sha256sum_and_python() {
    let club = club().await;
    club.begin().await;
    club.enter(5).await;
    let house = &club.house;
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    let page = house.text("/verify", &Proof::None).await;
    let fingerprint = house.signer.public().fingerprint().to_string();
    assert!(page.replace(' ', "").contains(&fingerprint), "{page}");
    let whole = club.export().await;
    std::fs::write(place("logbook.ndjson"), &whole).unwrap();
    std::fs::write(place("key.pem"), house.text("/verify/key.pem", &Proof::None).await).unwrap();
    std::fs::write(place("check.py"), recipe(&page, "whole")).unwrap();
    assert_eq!(house.text("/verify/check.py", &Proof::None).await, recipe(&page, "whole"));
    let check = || run(folder.path(), "python3", &["check.py", "logbook.ndjson", "key.pem"]);
    let said = check();
    assert!(said.status.success(), "{}", words(&said));
    assert!(
        words(&said).contains(&fingerprint) && words(&said).contains("whole: the last entry is 5"),
        "{}",
        words(&said)
    );

    let line = recipe(&page, "line");
    let said = run(folder.path(), "sh", &["-eu", "-c", &line]);
    let told = words(&said);
    assert!(said.status.success() && told.contains("Signature Verified Successfully"), "{told}");
    assert!(told.contains(&fingerprint), "{told}");
    let hash = told.lines().rfind(|line| line.ends_with("  -")).unwrap().split(' ').next().unwrap();
    assert!(told.contains(&format!("\"previous\":\"{hash}\"")), "{told}");

    // Each way to break it is found, by Python and, where it is in that line, by openssl.
    let lines: Vec<&str> = whole.lines().collect();
    let changed = whole.replacen("118.25", "119.25", 1);
    let mut swapped = lines.clone();
    swapped.swap(2, 3);
    let broken = [
        (changed, "line 2 is not what was signed"),
        ([&lines[..2], &lines[3..]].concat().join("\n"), "entry 2 was expected"),
        (swapped.join("\n"), "entry 2 was expected"),
        (lines[..5].join("\n"), "the end is missing"),
        ([&lines[..5], &lines[6..]].concat().join("\n"), "the last entries are missing"),
        (lines[1..].join("\n"), "the beginning is missing"),
    ];
    for (text, expect) in broken {
        std::fs::write(place("logbook.ndjson"), text).unwrap();
        let said = check();
        assert_eq!(said.status.code(), Some(1), "{}", words(&said));
        assert!(words(&said).contains(expect), "{expect}: {}", words(&said));
    }
    std::fs::write(place("logbook.ndjson"), whole.replacen("118.25", "119.25", 1)).unwrap();
    let said = run(folder.path(), "sh", &["-eu", "-c", &line]);
    assert!(!said.status.success() && !words(&said).contains("Verified Successfully"), "{}", words(&said));

    let report = recipe(&page, "report");
    let csv = "start,length\r\n2026-11-17,30\r\n";
    std::fs::write(place("report.csv"), csv).unwrap();
    let check = Check::line("report.csv", csv.as_bytes(), house.now(), &house.signer).unwrap();
    std::fs::write(place("report.csv.check"), check + "\n").unwrap();
    let said = words(&run(folder.path(), "sh", &["-eu", "-c", &report]));
    assert!(said.contains("Signature Verified Successfully"), "{said}");
    let digits = said.split(' ').next().unwrap();
    assert!(said.contains(&format!("\"sha256\":\"{digits}\"")), "{said}");
    let pdf = with_trailer(b"%PDF-1.7\n%%EOF\n".to_vec(), "report.pdf", house.now(), &house.signer).unwrap();
    std::fs::write(place("report.pdf"), pdf).unwrap();
    let comment = report.lines().find(|line| line.contains("head -n -1")).unwrap();
    let (first, second) = comment.trim_start_matches(['#', ' ']).split_once("    ").unwrap();
    let parts =
        format!("{first}\n{second}\nmv report report.csv\nmv report.check report.csv.check\n{report}");
    let said = words(&run(folder.path(), "sh", &["-eu", "-c", &parts]));
    assert!(said.contains("Signature Verified Successfully"), "{said}");
    let digits = said.split(' ').next().unwrap();
    assert!(said.contains(&format!("\"sha256\":\"{digits}\"")), "{said}");
}
