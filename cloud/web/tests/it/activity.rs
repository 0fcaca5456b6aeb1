//! The audit log as people and operators read it: only what concerns one, from where only for oneself.

use fleet::audit::Verb;
use fleet::{AccountKey, InverterKey, MemberRole, Role};
use http::{Method, StatusCode, header};
use store::state::{Act, By};

use crate::house::{CLUB, House, body};

const ADDRESS: &str = "192.0.2.77";

async fn record(house: &House, verb: Verb, by: By, about: AccountKey, inverter: Option<InverterKey>) {
    let mut act =
        Act::new(verb, by, house.now(), [3; 32]).from_address(ADDRESS.parse().ok()).of_account(about);
    if let Some(inverter) = inverter {
        act = act.on_inverter(inverter);
    }
    house.state.record_act(&act).await.unwrap();
}

/// ASVS 5.0: 16.4.2.
#[tokio::test]
async fn a_person_reads_what_they_did_and_what_was_done_to_them() {
    let house = House::new().await;
    let (mine, other) = (house.account("a@x.test").await, house.account("b@x.test").await);
    let operator = house.operator("op@x.test").await;
    record(&house, Verb::SignIn, By::Account(mine), mine, None).await;
    record(&house, Verb::AccountDisable, By::Account(operator), mine, None).await;
    record(&house, Verb::SignIn, By::Account(other), other, None).await;
    // About oneself, but for operators' eyes.
    record(&house, Verb::AllowRemove, By::Account(operator), mine, None).await;
    let page = house.text("/me/activity", &house.session(mine).await).await;
    assert!(page.contains("<b>You</b> signed in to your account"), "{page}");
    assert!(page.contains("disabled your account") && !page.contains("allow-list</p>"), "{page}");
    assert_eq!(page.matches(ADDRESS).count(), 1, "from where is told of one's own acts only");
    assert_eq!(page.matches("<time").count(), 2);
    let filtered = house.text("/me/activity?area=sign-ins", &house.session(mine).await).await;
    assert_eq!(filtered.matches("<time").count(), 1);
}

/// ASVS 5.0: 16.2.1.
#[tokio::test]
async fn operators_read_all_by_whom_about_what_and_when() {
    let house = House::new().await;
    let (ann, bob) = (house.account("ann@x.test").await, house.account("bob@x.test").await);
    let inverter = house.inverter("mine", "Secret Bunker").await;
    let operator = house.operator("op@x.test").await;
    record(&house, Verb::PairDone, By::Account(ann), ann, Some(inverter)).await;
    house.wait(86_400_000);
    record(&house, Verb::SignIn, By::Account(bob), bob, None).await;
    record(&house, Verb::AccountDisable, By::CommandLine, bob, None).await;
    let cookie = house.session(operator).await;
    let check = async |query: &str, rows: usize| {
        let page = house.text(&format!("/op/audit{query}"), &cookie).await;
        assert_eq!(page.matches("<time").count(), rows, "{query}");
        page
    };
    // Besides these, the house itself made a site and gave the operator a passkey on the first day, and a session on the
    // second.
    let all = check("", 7).await;
    assert!(all.contains("ann@x.test") && all.contains(ADDRESS) && all.contains("An operator at the server"));
    assert!(all.contains("2311-MINE") && !all.contains("Bunker"), "what customers call things is theirs");
    check("?by=bob%40x.test", 1).await;
    check("?about=bob%40x.test", 2).await;
    check("?about=2311-mine", 2).await;
    check("?area=pairing", 1).await;
    check("?area=pairing&by=bob%40x.test", 0).await;
    check("?from=2026-11-18", 3).await;
    check("?until=2026-11-17", 4).await;
    assert!(check("?by=nobody%40x.test", 0).await.contains("No account has the address"));
    assert!(check("?about=nothing", 0).await.contains("is known by"));
}

#[tokio::test]
async fn the_log_is_read_page_by_page_to_its_end() {
    let house = House::new().await;
    let ann = house.account("ann@x.test").await;
    for _ in 0..120 {
        record(&house, Verb::SignIn, By::Account(ann), ann, None).await;
    }
    let cookie = house.session(ann).await;
    let (mut path, mut seen, mut pages) = ("/me/activity?area=sign-ins".to_owned(), 0, 0);
    loop {
        let page = house.text(&path, &cookie).await;
        seen += page.matches("<time").count();
        pages += 1;
        let older = page.split("href=\"").find(|part| part.contains("before=") && part.contains(">Older"));
        let Some(older) = older else { break };
        path = older.split('"').next().unwrap().replace("&amp;", "&").replace("&#38;", "&");
        assert!(path.contains("area=sign-ins"), "{path}");
    }
    assert_eq!((seen, pages), (120, 3));
}

#[tokio::test]
async fn a_verification_says_that_the_log_is_whole_and_is_itself_in_it() {
    let house = House::new().await;
    let operator = house.operator("op@x.test").await;
    record(&house, Verb::SignIn, By::Account(operator), operator, None).await;
    let cookie = house.session(operator).await;
    let before = house.state.verify_audit().await.unwrap().unwrap().length;
    let response = house.send(Method::POST, "/op/audit/verify", &cookie, &[], "").await;
    assert_eq!(response.status(), StatusCode::OK);
    let page = body(response).await;
    let whole = house.state.verify_audit().await.unwrap().unwrap();
    assert!(page.contains("The log is whole") && whole.length == before + 1, "{page}");
    let log = house.text("/op/audit", &cookie).await;
    assert!(
        log.contains("verified the audit log") && log.contains(&format!("whole, {before} rows")),
        "{log}"
    );
}

#[tokio::test]
async fn an_operators_old_proof_reads_but_changes_nothing() {
    let house = House::new().await;
    let operator = house.operator("op@x.test").await;
    let cookie = house.session(operator).await;
    let before = house.state.verify_audit().await.unwrap().unwrap().length;
    house.wait(16 * 60_000);
    assert_eq!(house.get("/op/audit", &cookie).await.status(), StatusCode::OK);
    let response = house.send(Method::POST, "/op/audit/verify", &cookie, &[], "").await;
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    assert!(response.headers()[header::LOCATION].to_str().unwrap().starts_with("/confirm?next="));
    assert_eq!(house.state.verify_audit().await.unwrap().unwrap().length, before);
}

#[tokio::test]
async fn who_manages_an_inverter_reads_what_was_done_to_it() {
    let house = House::new().await;
    let inverter = house.inverter("mine", "East Tower").await;
    let (writer, reader, operator) =
        (house.account("w@x.test").await, house.account("r@x.test").await, house.operator("op@x.test").await);
    house.grant(writer, inverter, Role::ReadWrite).await;
    house.grant(reader, inverter, Role::ReadOnly).await;
    record(&house, Verb::InverterEdit, By::Account(writer), writer, Some(inverter)).await;
    record(&house, Verb::DeviceRevoke, By::Account(operator), writer, Some(inverter)).await;
    // For operators' eyes.
    record(&house, Verb::DeviceEdit, By::Account(operator), writer, Some(inverter)).await;
    let page = house.text("/inverters/mine/activity", &house.session(writer).await).await;
    assert!(page.contains("<b>You</b> changed East Tower"), "{page}");
    assert!(page.contains("revoked the certificates of East Tower") && !page.contains("registered facts"));
    assert_eq!(page.matches(ADDRESS).count(), 1, "not where the operator sits");
    let refused = house.get("/inverters/mine/activity", &house.session(reader).await).await;
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn an_organizations_owner_reads_what_was_done_in_it() {
    let house = House::new().await;
    let club = house.club().await;
    let (owner, member) = (house.account("o@x.test").await, house.account("m@x.test").await);
    house.member(club, owner, MemberRole::Owner).await;
    house.member(club, member, MemberRole::Member).await;
    let act = Act::new(Verb::OrganizationEdit, By::Account(owner), house.now(), [3; 32]);
    house.state.record_act(&act.in_organization(club)).await.unwrap();
    let path = format!("/organizations/{CLUB}/activity");
    let page = house.text(&path, &house.session(owner).await).await;
    assert!(page.contains("<b>You</b> changed \u{201c}"), "{page}");
    let refused = house.get(&path, &house.session(member).await).await;
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
}
