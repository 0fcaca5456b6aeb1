//! The operator's pages: devices, accounts, quarantine, health; and that nothing of a customer's is on them.

use fleet::Role;
use fleet::audit::Verb;
use fleet::dead_man::{Facts, Finding, judge};
use fleet::notice::Channel;
use http::{Method, StatusCode, header};
use http_body_util::BodyExt;
use store::state::{Certificate, Contact, Email, NewMail, NewNote, NewQuarantined, Noted, TEST};
use web::Health;
use wire::UtcMs;

use crate::house::{House, Proof, body, sample, soon};

async fn post(house: &House, path: &str, cookie: &Proof, form: &str) -> http::Response<axum::body::Body> {
    house.send(Method::POST, path, cookie, &[], form).await
}

async fn house() -> (House, Proof) {
    let house = House::new().await;
    let cookie = house.session(house.operator("op@x.test").await).await;
    (house, cookie)
}

#[tokio::test]
async fn a_device_is_registered_found_and_revoked_and_the_log_knows() {
    let (house, cookie) = house().await;
    let wrong = post(&house, "/op/devices/new", &cookie, "serial=a!&model=x").await;
    assert_eq!(wrong.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let page = body(wrong).await;
    assert!(page.contains("4 to 32 letters") && page.contains("value=\"a!\""), "values are kept");
    let made = post(&house, "/op/devices/new", &cookie, "serial=2408-01873&model=Series+E").await;
    assert_eq!(made.headers()[header::LOCATION], "/op/devices/2408-01873?done=registered");
    let again = post(&house, "/op/devices/new", &cookie, "serial=2408-01873&model=").await;
    assert!(body(again).await.contains("registered already"));
    let device = house.state.devices(house.now()).await.unwrap().remove(0);
    let certificate =
        Certificate { sha256: [9; 32], inverter: device.key, issued_at: house.now(), revoked_at: None };
    house.state.add_certificate(certificate, &house.act(Verb::DeviceIssue)).await.unwrap();
    let page = house.text("/op/devices/2408-01873?done=registered", &cookie).await;
    assert!(page.contains("Accepted") && page.contains("0909090909090909"), "{page}");
    assert!(page.contains("admin device add 2408-01873 --csr FILE"), "says how to issue");
    let revoked = post(&house, "/op/devices/2408-01873/revoke", &cookie, "").await;
    assert_eq!(revoked.headers()[header::LOCATION], "/op/devices/2408-01873?done=revoked");
    let page = house.text("/op/devices/2408-01873", &cookie).await;
    for said in
        ["No certificate", "op@x.test</b> revoked the certificates of 2408-01873", "issued a certificate"]
    {
        assert!(page.contains(said), "{said}: {page}");
    }
    assert!(house.state.verify_audit().await.unwrap().is_ok());
}

/// ASVS 5.0: 8.2.3, 15.3.1.
#[tokio::test]
async fn the_list_of_devices_tells_of_connections_and_nothing_of_customers() {
    let (house, cookie) = house().await;
    let owner = house.account("dana@x.test").await;
    let mine = house.inverter("mine", "Secret Bunker").await;
    let away = house.inverter("away", "Other Bunker").await;
    house.grant(owner, mine, Role::ReadWrite).await;
    house.read(mine, house.now(), sample(104));
    for (byte, inverter) in [(1, mine), (2, away)] {
        let new = Certificate { sha256: [byte; 32], inverter, issued_at: house.now(), revoked_at: None };
        house.state.add_certificate(new, &house.act(Verb::DeviceIssue)).await.unwrap();
    }
    house.inverter("bare", "").await;
    house.service.connected.lock().unwrap().insert(mine);
    let at = house.now().plus_ms(-7_200_000);
    let contact = |inverter| Contact {
        inverter,
        connected_at: at,
        last_contact_at: at,
        protocol: "MQTT 5.0".to_owned(),
        software: Some("1.8.2<b>".to_owned()),
    };
    house.state.write_contacts(&[contact(mine), contact(away)]).await.unwrap();
    let page = house.text("/op/devices", &cookie).await;
    for said in [
        "2311-MINE",
        "2311-AWAY",
        "2311-BARE",
        "2\u{a0}h ago",
        "1.8.2&#60;b&#62;",
        "Paired",
        "Not issued yet",
    ] {
        assert!(page.contains(said), "{said}: {page}");
    }
    for never in ["Bunker", "136.4", "104", "dana@x.test", "St. Brendan", "On battery"] {
        assert!(!page.contains(never), "{never}");
    }
    let check = async |query: &str, shown: &[&str]| {
        let page = house.text(&format!("/op/devices{query}"), &cookie).await;
        for serial in ["2311-MINE", "2311-AWAY", "2311-BARE"] {
            assert_eq!(
                page.contains(&format!("<b class=\"num\">{serial}")),
                shown.contains(&serial),
                "{query} {serial}"
            );
        }
    };
    check("?q=aw", &["2311-AWAY"]).await;
    check("?state=connected", &["2311-MINE"]).await;
    check("?state=away", &["2311-AWAY"]).await;
    check("?state=barred", &["2311-BARE"]).await;
    check("?q=nothing", &[]).await;
    let device = house.text("/op/devices/2311-MINE", &cookie).await;
    assert!(device.contains("MQTT 5.0") && !device.contains("Bunker") && !device.contains("136.4"));
    // The operator's own fleet is empty, and a customer's inverter is not there for them.
    assert_eq!(house.get("/inverters/mine", &cookie).await.status(), StatusCode::NOT_FOUND);
    assert!(!house.text("/fleet", &cookie).await.contains("Bunker"));
}

#[tokio::test]
async fn a_label_is_a_picture_of_its_own() {
    let (house, cookie) = house().await;
    house.inverter("mine", "").await;
    let label = house.get("/op/devices/2311-mine/label.svg", &cookie).await;
    assert_eq!(label.headers()[header::CONTENT_TYPE], "image/svg+xml; charset=utf-8");
    let label = body(label).await;
    assert!(label.starts_with("<svg") && label.contains("2311-MINE") && !label.contains("style="), "{label}");
}

/// ASVS 5.0: 7.4.2, 7.4.5.
#[tokio::test]
async fn an_account_is_shut_out_at_once_and_let_in_again() {
    let (house, cookie) = house().await;
    let dana = house.account("dana@x.test").await;
    let (session, token) = (house.session(dana).await, house.token(dana).await);
    let stream = house.get("/live/fleet", &session).await;
    assert_eq!(stream.status(), StatusCode::OK);
    let page = house.text("/op/accounts?q=dana%40", &cookie).await;
    assert!(
        page.contains("0 inverters · 1 session · 1 token · no second factor<")
            && !page.contains("op@x.test</b>"),
        "{page}"
    );
    let done = post(&house, "/op/accounts/disable", &cookie, "email=dana%40x.test").await;
    assert_eq!(done.status(), StatusCode::SEE_OTHER);
    // The live page ends by itself.
    soon(stream.into_body().collect()).await.unwrap();
    assert_eq!(house.get("/fleet", &session).await.status(), StatusCode::SEE_OTHER);
    assert_eq!(house.get("/api/v1/inverters", &token).await.status(), StatusCode::UNAUTHORIZED);
    let page = house.text("/op/accounts/account?email=dana%40x.test&done=disabled", &cookie).await;
    assert!(
        page.contains("op@x.test</b> disabled dana@x.test") && page.contains("Every session has ended"),
        "{page}"
    );
    post(&house, "/op/accounts/enable", &cookie, "email=dana%40x.test").await;
    assert_eq!(
        house.get("/fleet", &session).await.status(),
        StatusCode::SEE_OTHER,
        "the session stays ended"
    );
    assert_eq!(house.get("/api/v1/inverters", &token).await.status(), StatusCode::OK);
    let session = house.session(dana).await;
    post(&house, "/op/accounts/sign-out", &cookie, "email=dana%40x.test").await;
    assert_eq!(house.get("/fleet", &session).await.status(), StatusCode::SEE_OTHER);
    let missing = post(&house, "/op/accounts/disable", &cookie, "email=nobody%40x.test").await;
    assert_eq!(missing.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn nobody_shuts_themselves_out_by_accident() {
    let (house, cookie) = house().await;
    let done = post(&house, "/op/accounts/disable", &cookie, "email=op%40x.test").await;
    assert_eq!(done.headers()[header::LOCATION], "/op/accounts/account?email=op%40x.test&done=own");
    assert_eq!(house.get("/op/accounts", &cookie).await.status(), StatusCode::OK);
}

/// ASVS 5.0: 1.2.1, 3.2.1, 3.5.3, 5.4.1.
#[tokio::test]
async fn a_report_in_quarantine_is_a_file_and_each_download_is_in_the_log() {
    let (house, cookie) = house().await;
    let mine = house.inverter("mine", "Secret Bunker").await;
    let report = NewQuarantined {
        key: "3/1".to_owned(),
        inverter: mine,
        received_at: house.now(),
        reason: "byte 0: <not> CBOR".to_owned(),
        payload: b"<script>alert(1)</script>".to_vec(),
    };
    house.state.quarantine(&[report]).await.unwrap();
    let page = house.text("/op/quarantine", &cookie).await;
    assert!(
        page.contains("byte 0: &#60;not&#62; CBOR")
            && page.contains("2311-MINE")
            && page.contains("25\u{a0}B"),
        "{page}"
    );
    assert!(!page.contains("alert(1)") && !page.contains("Bunker"));
    let file = post(&house, "/op/quarantine/1/download", &cookie, "").await;
    assert_eq!(file.headers()[header::CONTENT_TYPE], "application/octet-stream");
    assert!(file.headers()[header::CONTENT_DISPOSITION].to_str().unwrap().starts_with("attachment"));
    assert_eq!(body(file).await, "<script>alert(1)</script>");
    assert_eq!(post(&house, "/op/quarantine/1/delete", &cookie, "").await.status(), StatusCode::SEE_OTHER);
    assert_eq!(post(&house, "/op/quarantine/1/download", &cookie, "").await.status(), StatusCode::NOT_FOUND);
    let log = house.text("/op/audit?area=devices", &cookie).await;
    assert!(
        log.contains("downloaded a report of 2311-MINE") && log.contains("deleted a report of 2311-MINE"),
        "{log}"
    );
}

#[tokio::test]
async fn health_says_first_what_needs_somebody() {
    let (house, cookie) = house().await;
    let well = Health {
        version: "9.9.9",
        started_at: Some(UtcMs(0)),
        following: true,
        sessions: 1_234,
        waiting_limit_bytes: 100,
        ..Health::default()
    };
    *house.service.health.lock().unwrap() = well.clone();
    let page = house.text("/op/health", &cookie).await;
    assert!(page.contains("<h1>All well</h1>") && page.contains("1,234") && page.contains("9.9.9"), "{page}");
    *house.service.health.lock().unwrap() = Health {
        findings: judge(&Facts { sends_mail: false, ..Facts::default() })
            .into_iter()
            .map(|check| Finding { check, since: None })
            .collect(),
        ..well
    };
    let page = house.text("/op/health", &cookie).await;
    assert!(page.contains("One thing needs somebody") && page.contains("No mail server is named"), "{page}");
}

#[tokio::test]
async fn deliveries_tell_how_messages_went_and_nothing_of_what_they_say() {
    let (house, cookie) = house().await;
    let dana = house.account("dana@x.test").await;
    let now = house.now();
    let to = Email::parse("ann@x.test").unwrap();
    for number in 0..52 {
        let (key, text) = (format!("key-{number}"), "Secret Bunker");
        let (queued_at, expires_at) = (now.plus_ms(number - 60_000), now.plus_ms(86_400_000));
        let mail = NewMail {
            key: &key,
            to: &to,
            kind: "verify",
            subject: text,
            text,
            html: text,
            queued_at,
            expires_at,
        };
        house.state.queue_mail(mail).await.unwrap();
    }
    let note = NewNote {
        key: "test-1",
        channel: Channel::Text,
        account: dana,
        to: "+16175550119",
        kind: TEST,
        subject: "",
        text: "Secret Bunker",
        html: "",
        queued_at: now,
        expires_at: now.plus_ms(86_400_000),
    };
    let act = house.act(Verb::NotificationsTest);
    assert!(house.state.queue_test(note, u64::MAX, UtcMs(0), &act).await.unwrap());
    let mail = house.state.claim_mail("lease", now, now.plus_ms(1_000)).await.unwrap().unwrap();
    assert!(
        house.state.note_message(mail.id, "lease", Noted::Failed("550 no <such> user".into())).await.unwrap()
    );
    let page = house.text("/op/deliveries", &cookie).await;
    for said in
        ["\u{2026}0119 of dana@x.test", "ann@x.test", "Waiting", "The oldest has waited", ">51</a>", "Older"]
    {
        assert!(page.contains(said), "{said}: {page}");
    }
    for unsaid in ["Secret Bunker", "6175550119", "550 no"] {
        assert!(!page.contains(unsaid), "{unsaid}");
    }
    let older = page.split("href=\"/op/deliveries?before=").nth(1).unwrap().split('"').next().unwrap();
    let page = house.text(&format!("/op/deliveries?before={older}"), &cookie).await;
    assert!(page.contains("550 no &#60;such&#62; user") && page.contains("Newest"), "{page}");
    let page = house.text("/op/deliveries?outcome=failed&channel=email&kind=verify", &cookie).await;
    assert!(page.contains("1 try") && !page.contains("0119"), "{page}");
    let page = house.text("/op/deliveries?to=%2B16175550119", &cookie).await;
    assert!(page.contains("of dana@x.test") && !page.contains("<b>ann@x.test</b>"), "{page}");
    let page = house.text("/op/deliveries?outcome=delivered&channel=email", &cookie).await;
    assert!(page.contains("No such message"), "{page}");
}
