//! Adding an inverter through the pages: the same for every serial number until the button was pressed.

use fleet::audit::Verb;
use fleet::pairing::WINDOW_MS;
use fleet::{AccountKey, InverterKey, Role};
use http::{Method, StatusCode, header};
use http_body_util::BodyExt;

use crate::house::{House, Proof, body, sample, soon};

/// The serial number of `House::inverter("dock", …)`.
const KNOWN: &str = "2311-DOCK";
const UNKNOWN: &str = "2311-NONE";

struct Site {
    house: House,
    account: AccountKey,
    inverter: InverterKey,
}

impl Site {
    async fn new() -> Self {
        let house = House::new().await;
        let account = house.account("ann@x.test").await;
        let inverter = house.inverter("dock", "").await;
        house.read(inverter, house.now(), sample(104));
        Self { house, account, inverter }
    }

    async fn session(&self) -> Proof {
        self.house.session(self.account).await
    }

    /// Begins; the attempt's page.
    async fn begin(&self, proof: &Proof, serial: &str) -> String {
        let response = self.post("/pair", proof, &format!("serial={serial}")).await;
        assert_eq!(response.status(), StatusCode::SEE_OTHER, "{}", body(response).await);
        response.headers()[header::LOCATION].to_str().unwrap().to_owned()
    }

    async fn post(&self, path: &str, proof: &Proof, form: &str) -> http::Response<axum::body::Body> {
        self.house.send(Method::POST, path, proof, &[("from", "192.0.2.9")], form).await
    }

    /// Where a page leads on to; nothing for one that stays.
    async fn leads(&self, path: &str, proof: &Proof) -> Option<String> {
        let response = self.house.get(path, proof).await;
        response.headers().get(header::LOCATION).map(|to| to.to_str().unwrap().to_owned())
    }
}

#[tokio::test]
async fn claim_press_name_and_the_inverter_is_there() {
    let site = Site::new().await;
    let proof = site.session().await;
    assert!(site.house.text("/fleet", &proof).await.contains(r#"href="/pair""#));
    let form = site.house.text("/pair?serial=2311-dock", &proof).await;
    assert!(form.contains(r#"value="2311-dock""#), "the label's code fills the field");
    // As typed on a phone.
    let page = site.begin(&proof, "+2311-dock+").await;
    let waiting = site.house.text(&page, &proof).await;
    assert!(waiting.contains("Press PAIR in the cabinet") && waiting.contains("10:00"), "{waiting}");
    assert!(waiting.contains(r#"<noscript><meta http-equiv="refresh" content="5">"#));
    site.house.wait(96_000);
    assert!(site.house.text(&page, &proof).await.contains("8:24"), "a reload goes on");
    assert_eq!(site.house.get("/inverters/dock", &proof).await.status(), StatusCode::NOT_FOUND);
    site.house.press(site.inverter, 1).await;
    let name = site.leads(&page, &proof).await.unwrap();
    assert_eq!(name, format!("{page}/name"));
    assert!(site.house.text(&name, &proof).await.contains("What should we call it?"));
    for wrong in [
        "name=",
        "name=%0A",
        "name=a%00b",
        &format!("name={}", "x".repeat(41)),
        &format!("name=a&place={}", "x".repeat(81)),
    ] {
        assert_eq!(
            site.post(&name, &proof, wrong).await.status(),
            StatusCode::UNPROCESSABLE_ENTITY,
            "{wrong}"
        );
    }
    let saved = site.post(&name, &proof, "name=Loading+Dock").await;
    assert_eq!(saved.headers()[header::LOCATION], "/inverters/dock");
    assert!(site.house.text("/inverters/dock", &proof).await.contains("Loading Dock"));
}

/// ASVS 5.0: 5.3.2.
#[tokio::test]
async fn the_name_step_puts_it_at_a_site_of_ones_own_or_a_new_one() {
    let site = Site::new().await;
    let proof = site.session().await;
    let stranger = site.house.account("other@x.test").await;
    site.house.site("theirs", stranger).await;
    let page = site.begin(&proof, KNOWN).await;
    site.house.wait(1_000);
    site.house.press(site.inverter, 1).await;
    let name = format!("{page}/name");
    let form = site.house.text(&name, &proof).await;
    assert!(!form.contains("Clubhouse"), "somebody else's is not offered");
    for (wrong, says) in [
        ("name=Dock&new_site=Pier+4&new_zone=Mars/Base", "time zone from the list"),
        ("name=Dock&new_site=Pier+4", "time zone from the list"),
        ("name=Dock&site=theirs", "Choose a site of the list."),
        ("name=Dock&site=none", "Choose a site of the list."),
    ] {
        let refused = site.post(&name, &proof, wrong).await;
        assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
        let page = body(refused).await;
        assert!(page.contains(says) && page.contains(r#"value="Dock""#), "{wrong}: {page}");
    }
    // Twice, as a browser may: one site comes of it.
    for _ in 0..2 {
        let new = "name=Dock&new_site=++Pier++4&new_zone=America/Chicago&then=share";
        let saved = site.post(&name, &proof, new).await;
        assert_eq!(saved.headers()[header::LOCATION], "/inverters/dock/people/new");
    }
    let own = site.house.state.sites_of(site.account.into()).await.unwrap();
    assert_eq!(own.len(), 1);
    assert_eq!((own[0].name.as_str(), own[0].time_zone.as_str()), ("Pier 4", "America/Chicago"));
    let stands = async || site.house.state.inverter(site.inverter).await.unwrap().unwrap().site;
    assert_eq!(stands().await, Some(own[0].key));
    let form = site.house.text(&name, &proof).await;
    assert!(form.contains(&format!(r#"<option value="{}" selected>Pier 4"#, own[0].public_id)), "{form}");
    site.post(&name, &proof, "name=Dock&site=").await;
    assert_eq!(stands().await, None);
    site.post(&name, &proof, &format!("name=Dock&site={}", own[0].public_id)).await;
    assert_eq!(stands().await, Some(own[0].key));
}

/// Whoever knows a number may wait for its button a few times a day and no more; other numbers are open still.
#[tokio::test]
async fn at_one_number_six_attempts_a_day_are_begun_whether_there_is_such_an_inverter_or_not() {
    for serial in [KNOWN, UNKNOWN] {
        let site = Site::new().await;
        for _ in 0..6 {
            let proof = site.session().await;
            site.begin(&proof, serial).await;
            site.house.wait(15 * 60_000);
        }
        let proof = site.session().await;
        let refused = site.post("/pair", &proof, &format!("serial={serial}")).await;
        assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(refused.headers()[header::RETRY_AFTER], "81000");
        assert!(body(refused).await.contains("try again in 23 hours."));
        site.begin(&proof, "2311-ELSE").await;
        site.house.wait(24 * 3_600_000 - 6 * 15 * 60_000);
        let proof = site.session().await;
        site.begin(&proof, serial).await;
    }
}

#[tokio::test]
async fn the_page_turns_by_itself() {
    let site = Site::new().await;
    let proof = site.session().await;
    let page = site.begin(&proof, KNOWN).await;
    let stream = site.house.get(&format!("/live{page}"), &proof).await;
    assert_eq!(stream.headers()[header::CONTENT_TYPE], "text/event-stream; charset=utf-8");
    let mut stream = stream.into_body();
    site.house.wait(5_000);
    site.house.press(site.inverter, 1).await;
    let expect = format!("event: go\ndata: {page}\n\n");
    let mut heard = String::new();
    soon(async {
        while !heard.contains(&expect) {
            let frame = stream.frame().await.unwrap().unwrap().into_data().unwrap();
            heard.push_str(std::str::from_utf8(&frame).unwrap());
        }
    })
    .await;
}

/// What differs by nature: the number itself, names made at random.
fn alike(page: &str, serial: &str, address: &str) -> String {
    page.replace(serial, "SERIAL").replace(address, "ADDRESS")
}

#[tokio::test]
async fn a_number_of_nobody_of_somebody_else_and_ones_own_look_the_same_to_the_end() {
    let site = Site::new().await;
    let proof = site.session().await;
    let other = site.house.account("other@x.test").await;
    let theirs = site.house.inverter("them", "Secret Bunker").await;
    site.house.grant(other, theirs, Role::ReadWrite).await;
    site.house.grant(site.account, site.inverter, Role::ReadOnly).await;
    let mut seen = Vec::new();
    for serial in [UNKNOWN, "2311-THEM", KNOWN] {
        let begun = site.post("/pair", &proof, &format!("serial={serial}")).await;
        let (status, headers) = (begun.status(), format!("{:?}", begun.headers()));
        let page = begun.headers()[header::LOCATION].to_str().unwrap().to_owned();
        let waiting = site.house.text(&page, &proof).await;
        assert!(!waiting.contains("Bunker"));
        seen.push((
            serial,
            page.clone(),
            status,
            alike(&headers, serial, &page),
            alike(&waiting, serial, &page),
        ));
    }
    let same = |what: &str, all: Vec<String>| {
        assert!(all.windows(2).all(|two| two[0] == two[1]), "{what}: {all:#?}")
    };
    same("answer", seen.iter().map(|(.., status, headers, _)| format!("{status} {headers}")).collect());
    same("waiting page", seen.iter().map(|(.., waiting)| waiting.clone()).collect());
    site.house.wait(WINDOW_MS);
    site.house.tick().await;
    let mut over = Vec::new();
    for (serial, page, ..) in &seen {
        let text = site.house.text(page, &proof).await;
        assert!(text.contains("Time ran out") && text.contains(&format!("/pair?serial={serial}")), "{text}");
        over.push(alike(&text, serial, page));
    }
    same("the page of the end", over);
    let again = site.begin(&proof, KNOWN).await;
    let stopped = site.post(&format!("{again}/cancel"), &proof, "").await;
    assert_eq!(stopped.headers()[header::LOCATION].to_str().unwrap(), again);
    assert!(site.house.text(&again, &proof).await.contains("Nothing was changed."));
}

/// ASVS 5.0: 2.3.1.
#[tokio::test]
async fn attempts_are_their_accounts_own_and_beginning_asks_for_a_fresh_proof() {
    let site = Site::new().await;
    let proof = site.session().await;
    let page = site.begin(&proof, KNOWN).await;
    let other = site.house.account("other@x.test").await;
    let stranger = site.house.session(other).await;
    for path in [page.clone(), format!("{page}/name"), format!("/live{page}")] {
        assert_eq!(site.house.get(&path, &stranger).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(site.post(&format!("{page}/cancel"), &stranger, "").await.status(), StatusCode::NOT_FOUND);
    assert_eq!(
        site.house.get(&format!("{page}/name"), &proof).await.status(),
        StatusCode::NOT_FOUND,
        "not yet"
    );
    site.house.wait(15 * 60_000);
    let again = site.leads("/pair?serial=2311-DOCK", &proof).await.unwrap();
    assert_eq!(again, "/confirm?next=/pair%3Fserial%3D2311-DOCK");
    let refused = site.post("/pair", &proof, "serial=2311-DOCK").await;
    assert!(refused.headers()[header::LOCATION].to_str().unwrap().starts_with("/confirm"));
}

#[tokio::test]
async fn two_accounts_at_once_are_both_told_to_begin_again() {
    let site = Site::new().await;
    let (ann, bob) = (site.session().await, site.house.account("bob@x.test").await);
    let bob = site.house.session(bob).await;
    let (of_ann, of_bob) = (site.begin(&ann, KNOWN).await, site.begin(&bob, KNOWN).await);
    site.house.wait(5_000);
    assert!(
        site.house.text(&of_bob, &bob).await.contains("Press PAIR"),
        "nobody is told of the other before"
    );
    site.house.press(site.inverter, 1).await;
    for (page, proof) in [(&of_ann, &ann), (&of_bob, &bob)] {
        assert!(site.house.text(page, proof).await.contains("More than one account waited"));
        assert_eq!(site.house.get("/inverters/dock", proof).await.status(), StatusCode::NOT_FOUND);
    }
    let page = site.begin(&ann, KNOWN).await;
    site.house.wait(5_000);
    site.house.press(site.inverter, 2).await;
    assert!(site.leads(&page, &ann).await.unwrap().ends_with("/name"));
}

/// ASVS 5.0: 2.3.2.
#[tokio::test]
async fn guessing_from_a_thousand_addresses_gets_ten_tries_an_hour_and_learns_nothing() {
    let site = Site::new().await;
    let mut proof = site.session().await;
    let (mut begun, mut refused) = (0, Vec::new());
    for at in 0..1_000 {
        if at % 200 == 0 {
            proof = site.session().await;
        }
        let from = format!("198.51.{}.{}", at / 250, at % 250 + 1);
        let serial = if at % 100 == 7 { KNOWN.to_owned() } else { format!("2311-{at:05}") };
        let form = format!("serial={serial}");
        let response = site.house.send(Method::POST, "/pair", &proof, &[("from", &from)], &form).await;
        match response.status() {
            StatusCode::SEE_OTHER => begun += 1,
            StatusCode::TOO_MANY_REQUESTS => {
                assert!(response.headers().contains_key(header::RETRY_AFTER));
                let page = body(response).await;
                refused.push((serial.clone(), alike(&page, &serial, "-")));
            }
            other => panic!("{other}"),
        }
        // A patient guesser: fifty minutes in all.
        site.house.wait(3_000);
    }
    assert_eq!(begun, 10, "of {} tries", begun + refused.len());
    // Only times differ between the known number and the unknown one before it.
    let timeless = |page: &str| {
        let words = page.replace("minutes.", "WHEN").replace("minute.", "WHEN").replace("seconds.", "WHEN");
        let blank = words.chars().map(|letter| if letter.is_ascii_digit() { '#' } else { letter });
        blank.collect::<String>().replace("##", "#").replace("##", "#")
    };
    let pairs: Vec<_> = refused.windows(2).filter(|pair| pair[1].0 == KNOWN).collect();
    assert!(pairs.len() >= 5);
    for pair in pairs {
        assert!(pair[1].1.contains("You have tried several times."));
        assert_eq!(timeless(&pair[0].1), timeless(&pair[1].1));
    }
}

#[tokio::test]
async fn one_source_is_limited_whatever_accounts_it_has() {
    let site = Site::new().await;
    let mut begun = 0;
    for at in 0..60 {
        let account = site.house.account(&format!("a{at}@x.test")).await;
        let proof = site.house.session(account).await;
        let form = format!("serial=2311-{at:05}");
        let response = site.post("/pair", &proof, &form).await;
        begun += u32::from(response.status() == StatusCode::SEE_OTHER);
        site.house.wait(30_000);
    }
    assert!((10..=30).contains(&begun), "{begun}");
}

#[tokio::test]
async fn what_is_no_serial_number_is_said_at_once_and_kept() {
    let site = Site::new().await;
    let proof = site.session().await;
    let before = site.house.state.verify_audit().await.unwrap().unwrap().length;
    for typed in ["", "abc", "2408_01873", &"9".repeat(33), "%3Cb%3E-%22x"] {
        let response = site.post("/pair", &proof, &format!("serial={typed}")).await;
        assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY, "{typed}");
        let page = body(response).await;
        assert!(page.contains("Check the label") && !page.contains("<b>-"), "{page}");
    }
    let whole = site.house.state.verify_audit().await.unwrap().unwrap();
    assert_eq!(whole.length, before, "{:?} is written for what is tried", Verb::PairStart);
}
