//! Sharing with people and organizations, as a browser does it.

use fleet::{AccountKey, InverterKey, MemberRole, Role};
use http::{Method, StatusCode, header};
use store::state::{HeldBack, Noted};

use crate::house::{CLUB, House, ORIGIN, Proof, body, sample};

/// Posts a form; where it leads.
async fn post(house: &House, path: &str, proof: &Proof, form: &str) -> String {
    let response = house.send(Method::POST, path, proof, &[("origin", ORIGIN)], form).await;
    let status = response.status();
    let to = response.headers().get(header::LOCATION).map(|to| to.to_str().unwrap().to_owned());
    to.unwrap_or_else(|| panic!("{path} answers {status}"))
}

async fn refused(house: &House, path: &str, proof: &Proof, form: &str) -> (StatusCode, String) {
    let response = house.send(Method::POST, path, proof, &[("origin", ORIGIN)], form).await;
    (response.status(), body(response).await)
}

struct Scene {
    house: House,
    inverter: InverterKey,
    ann: AccountKey,
    bob: AccountKey,
    /// Manages `mine`.
    as_ann: Proof,
    as_bob: Proof,
}

async fn scene() -> Scene {
    let house = House::new().await;
    let inverter = house.inverter("mine", "East Tower").await;
    house.read(inverter, house.now(), sample(104));
    let (ann, bob) = (house.account("ann@x.test").await, house.account("bob@x.test").await);
    house.grant(ann, inverter, Role::ReadWrite).await;
    let (as_ann, as_bob) = (house.session(ann).await, house.session(bob).await);
    Scene { house, inverter, ann, bob, as_ann, as_bob }
}

impl Scene {
    async fn mails(&self) -> Vec<(String, String, String)> {
        web::outreach::tell(&self.house.context).await.unwrap();
        let mut mails = Vec::new();
        let now = self.house.now();
        while let Some(mail) = self.house.state.claim_mail("test", now, now.plus_ms(1)).await.unwrap() {
            self.house.state.note_message(mail.id, "test", Noted::Sent("250 ok".into())).await.unwrap();
            mails.push((mail.kind, mail.to.to_string(), mail.text));
        }
        mails
    }

    /// The id in the first address of a page that begins so.
    async fn id(&self, page: &str, proof: &Proof, before: &str) -> String {
        let text = self.house.text(page, proof).await;
        let rest = text.split_once(before).unwrap_or_else(|| panic!("no {before} in {text}")).1;
        rest.split(['/', '"']).next().unwrap().to_owned()
    }
}

/// ASVS 5.0: 8.2.3.
#[tokio::test]
async fn what_is_offered_waits_is_told_accepted_looked_at_and_taken_back() {
    let scene = scene().await;
    let house = &scene.house;
    let form = "recipient=Bob%40x.test&role=read-only&ends=";
    let to = post(house, "/inverters/mine/people/new", &scene.as_ann, form).await;
    assert_eq!(to, "/inverters/mine/people?done=offered");
    let people = house.text(&to, &scene.as_ann).await;
    assert!(people.contains("bob@x.test") && people.contains("Waiting for an answer"), "{people}");
    assert_eq!(house.get("/inverters/mine", &scene.as_bob).await.status(), StatusCode::NOT_FOUND, "not yet");
    let mails = scene.mails().await;
    let [(kind, mailed, text)] = &mails[..] else { panic!("{mails:?}") };
    assert_eq!((kind.as_str(), mailed.as_str()), ("share_offered", "bob@x.test"));
    assert!(text.contains("ann@x.test") && text.contains("https://inverters.test/shares"), "{text}");
    assert!(scene.mails().await.is_empty(), "told once");
    assert!(house.text("/fleet", &scene.as_bob).await.contains("One offer waits"));
    let id = scene.id("/shares", &scene.as_bob, "action=\"/shares/").await;
    // It is not there for anybody else, not even for who made it.
    let (status, _) = refused(house, &format!("/shares/{id}/accept"), &scene.as_ann, "").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let to = post(house, &format!("/shares/{id}/accept"), &scene.as_bob, "").await;
    assert_eq!(to, "/fleet?done=accepted");
    let (status, _) = refused(house, &format!("/shares/{id}/accept"), &scene.as_bob, "").await;
    assert_eq!(status, StatusCode::NOT_FOUND, "once");
    let [(kind, mailed, _)] = &scene.mails().await[..] else { panic!("who offered is told") };
    assert_eq!((kind.as_str(), mailed.as_str()), ("share_answered", "ann@x.test"));
    // He looks, and finds no control that would be refused.
    let page = house.text("/inverters/mine", &scene.as_bob).await;
    assert!(page.contains("View only") && !page.contains("/settings") && !page.contains("Share"), "{page}");
    let people = house.text("/inverters/mine/people", &scene.as_bob).await;
    assert!(
        !people.contains("ann@x.test") && !people.contains("people/new") && !people.contains("name=\"role\"")
    );
    assert!(people.contains("Give up my access"));
    // And is taken out again.
    let form = "holder=bob%40x.test&role=read-only&do=remove";
    assert_eq!(
        post(house, "/inverters/mine/people", &scene.as_ann, form).await,
        "/inverters/mine/people?done=removed"
    );
    assert_eq!(house.get("/inverters/mine", &scene.as_bob).await.status(), StatusCode::NOT_FOUND);
    let [(kind, mailed, _)] = &scene.mails().await[..] else { panic!("he is told") };
    assert_eq!((kind.as_str(), mailed.as_str()), ("share_ended", "bob@x.test"));
    assert!(house.state.verify_audit().await.unwrap().unwrap().length >= 4);
}

#[tokio::test]
async fn what_is_offered_again_and_again_is_told_a_few_times_and_waits_all_the_same() {
    let scene = scene().await;
    let form = "recipient=bob%40x.test&role=read-only&ends=";
    let mut told = 0;
    for _ in 0..20 {
        post(&scene.house, "/inverters/mine/people/new", &scene.as_ann, form).await;
        told += scene.mails().await.len();
        scene.house.wait(1_000);
    }
    assert_eq!(told, 5);
    assert!(scene.house.text("/fleet", &scene.as_bob).await.contains("One offer waits"));
}

#[tokio::test]
async fn a_known_and_an_unknown_address_look_alike() {
    let scene = scene().await;
    let house = &scene.house;
    let mut pages = Vec::new();
    for address in ["bob@x.test", "who@x.test"] {
        let form = format!("recipient={}&role=read-write", address.replace('@', "%40"));
        let to = post(house, "/inverters/mine/people/new", &scene.as_ann, &form).await;
        let page = house.text(&to, &scene.as_ann).await;
        let id = scene.id(&to, &scene.as_ann, "name=\"offer\" value=\"").await;
        let form = format!("offer={id}");
        post(house, "/inverters/mine/people/withdraw", &scene.as_ann, &form).await;
        pages.push(page.replace(address, "ADDRESS").replace(&id, "ID"));
    }
    assert_eq!(pages[0], pages[1]);
    assert!(scene.mails().await.is_empty(), "what was withdrawn is not told");
    // An organization's code that there is and one that there is not.
    house.club().await;
    for code in [CLUB, "nowhe-re222"] {
        let form = format!("recipient={code}&role=read-only");
        assert_eq!(
            post(house, "/inverters/mine/people/new", &scene.as_ann, &form).await,
            "/inverters/mine/people?done=offered"
        );
    }
}

#[tokio::test]
async fn wrong_forms_are_told_what_to_type_and_keep_what_was_typed() {
    let scene = scene().await;
    let house = &scene.house;
    let form = "recipient=nobody&role=read-write&ends=2020-01-01";
    let (status, page) = refused(house, "/inverters/mine/people/new", &scene.as_ann, form).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        page.contains("value=\"nobody\"")
            && page.contains("Type an address")
            && page.contains("Choose a day")
    );
    assert!(page.contains("value=\"read-write\" checked"), "{page}");
    let (status, _) =
        refused(house, "/inverters/mine/people/new", &scene.as_ann, "recipient=a%40b&role=all").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn the_last_who_can_manage_stays() {
    let scene = scene().await;
    let house = &scene.house;
    house.grant(scene.bob, scene.inverter, Role::ReadOnly).await;
    let own = |rest: &str| format!("holder=ann%40x.test&{rest}");
    for form in
        [own("role=read-only"), own("role=read-write&ends=2026-12-01"), own("role=read-only&do=remove")]
    {
        let (status, page) = refused(house, "/inverters/mine/people", &scene.as_ann, &form).await;
        assert_eq!(status, StatusCode::CONFLICT, "{form}");
        assert!(page.contains("Nobody else can manage this inverter for good"), "{page}");
    }
    let (status, _) = refused(house, "/inverters/mine/leave", &scene.as_ann, "sure=yes").await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert_eq!(
        house.state.held_back(scene.ann, house.now()).await.unwrap(),
        [HeldBack::Inverter(scene.inverter)]
    );
    // With somebody else to manage it she may go.
    let form = "holder=bob%40x.test&role=read-write";
    post(house, "/inverters/mine/people", &scene.as_ann, form).await;
    assert!(house.state.held_back(scene.ann, house.now()).await.unwrap().is_empty());
    assert_eq!(post(house, "/inverters/mine/leave", &scene.as_ann, "sure=yes").await, "/fleet?done=left");
    assert_eq!(house.get("/inverters/mine", &scene.as_ann).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_organization_is_made_joined_handed_to_and_deleted() {
    let scene = scene().await;
    let house = &scene.house;
    let to = post(house, "/organizations/new", &scene.as_ann, "name=Harborview+Properties").await;
    let code = to.trim_start_matches("/organizations/").split('?').next().unwrap().to_owned();
    let at = |rest: &str| format!("/organizations/{code}{rest}");
    post(house, &at("/invite"), &scene.as_ann, "email=bob%40x.test&role=viewer").await;
    let [(kind, mailed, _)] = &scene.mails().await[..] else { panic!("he is told") };
    assert_eq!((kind.as_str(), mailed.as_str()), ("member_invited", "bob@x.test"));
    assert_eq!(house.get(&at(""), &scene.as_bob).await.status(), StatusCode::NOT_FOUND);
    let id = scene.id("/shares", &scene.as_bob, "action=\"/invitations/").await;
    post(house, &format!("/invitations/{id}/accept"), &scene.as_bob, "").await;
    // A site of the organization's own, and the inverter in it.
    let form = "name=Pier+4&address=1+Pier+Way&time_zone=America%2FChicago";
    post(house, &at("/sites"), &scene.as_ann, form).await;
    let (status, page) = refused(house, &at("/sites"), &scene.as_ann, form).await;
    assert!(status == StatusCode::BAD_REQUEST && page.contains("of this name already"));
    let form = "name=X&address=&time_zone=Mars%2FOlympus";
    assert_eq!(refused(house, &at("/sites"), &scene.as_ann, form).await.0, StatusCode::BAD_REQUEST);
    post(house, "/inverters/mine/hand-over", &scene.as_ann, &format!("organization={code}")).await;
    let site = scene.id(&at(""), &scene.as_ann, "href=\"/sites/").await;
    let form = format!("name=Hall+B&place=Panel+EP-3&site={site}");
    for nonsense in ["0", "1441", "ninety", "-90"] {
        let form = format!("{form}&required={nonsense}");
        let (status, page) = refused(house, "/inverters/mine/settings", &scene.as_ann, &form).await;
        assert!(status == StatusCode::BAD_REQUEST && page.contains("minutes from 1 to 1440"), "{page}");
    }
    post(house, "/inverters/mine/settings", &scene.as_ann, &format!("{form}&required=180")).await;
    // Another form that does not say it leaves it.
    post(house, "/inverters/mine/settings", &scene.as_ann, &form).await;
    let json = house.json("/api/v1/inverters/mine", &house.token(scene.bob).await).await;
    assert_eq!(json["required_minutes"], 180);
    let said = [&json["name"], &json["site"]["name"], &json["role"], &json["holder"]];
    assert_eq!(said.map(|value| value.as_str().unwrap()), ["Hall B", "Pier 4", "read-only", "organization"]);
    // A viewer looks at everything and finds no form but to leave.
    let page = house.text(&at(""), &scene.as_bob).await;
    assert!(page.contains("Hall B") && !page.contains("/invite") && !page.contains("ann@x.test"));
    assert_eq!(page.matches("method=\"post\"").count() - page.matches("/sign-out").count(), 1, "{page}");
    assert!(!house.text(&format!("/sites/{site}"), &scene.as_bob).await.contains("Save"));
    // The last owner stays; the organization alone manages the inverter, so it stays too.
    let own = "email=ann%40x.test&role=member";
    assert_eq!(refused(house, &at("/members"), &scene.as_ann, own).await.0, StatusCode::CONFLICT);
    assert_eq!(refused(house, &at("/leave"), &scene.as_ann, "sure=yes").await.0, StatusCode::CONFLICT);
    let name = "name=Harborview+Properties";
    assert_eq!(refused(house, &at("/delete"), &scene.as_ann, name).await.0, StatusCode::CONFLICT);
    house.grant(scene.bob, scene.inverter, Role::ReadWrite).await;
    assert_eq!(refused(house, &at("/delete"), &scene.as_ann, "name=wrong").await.0, StatusCode::BAD_REQUEST);
    assert_eq!(post(house, &at("/delete"), &scene.as_ann, name).await, "/organizations?done=deleted");
    assert_eq!(house.get(&format!("/sites/{site}"), &scene.as_ann).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(house.get("/inverters/mine", &scene.as_ann).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_organization_accepts_an_offer_by_who_works_for_it() {
    let scene = scene().await;
    let house = &scene.house;
    let club = house.club().await;
    house.member(club, scene.bob, MemberRole::Member).await;
    let eve = house.account("eve@x.test").await;
    house.member(club, eve, MemberRole::Viewer).await;
    let as_eve = house.session(eve).await;
    let form = format!("recipient={CLUB}&role=read-write&ends=2026-12-01");
    post(house, "/inverters/mine/people/new", &scene.as_ann, &form).await;
    let mails = scene.mails().await;
    assert_eq!(mails.iter().map(|(_, to, _)| to.as_str()).collect::<Vec<_>>(), ["bob@x.test"]);
    assert!(!house.text("/shares", &as_eve).await.contains("East Tower"), "a viewer answers for nobody");
    let id = scene.id("/shares", &scene.as_bob, "action=\"/shares/").await;
    post(house, &format!("/shares/{id}/accept"), &scene.as_bob, "").await;
    assert_eq!(house.get("/inverters/mine", &as_eve).await.status(), StatusCode::OK);
    assert!(house.text("/inverters/mine/people", &scene.as_ann).await.contains("until Dec"));
}

#[tokio::test]
async fn an_offer_counts_while_its_maker_may_share_and_for_seven_days() {
    const DAY: i64 = 86_400_000;
    let scene = scene().await;
    let house = &scene.house;
    let form = "recipient=bob%40x.test&role=read-write";
    post(house, "/inverters/mine/people/new", &scene.as_ann, form).await;
    let id = scene.id("/shares", &scene.as_bob, "action=\"/shares/").await;
    house.grant(scene.bob, scene.inverter, Role::ReadOnly).await;
    house.ungrant(scene.ann, scene.inverter).await;
    let (status, _) = refused(house, &format!("/shares/{id}/accept"), &scene.as_bob, "").await;
    assert_eq!(status, StatusCode::NOT_FOUND, "who has left shares nothing");
    house.grant(scene.ann, scene.inverter, Role::ReadWrite).await;
    house.wait(7 * DAY);
    let as_bob = house.session(scene.bob).await;
    let (status, _) = refused(house, &format!("/shares/{id}/accept"), &as_bob, "").await;
    assert_eq!(status, StatusCode::NOT_FOUND, "too late");
    assert_eq!(house.state.delete_expired_offers(house.now()).await.unwrap(), 1);
}

#[tokio::test]
async fn accepting_never_takes_anything_away() {
    let scene = scene().await;
    let house = &scene.house;
    house.grant(scene.bob, scene.inverter, Role::ReadWrite).await;
    post(house, "/inverters/mine/people/new", &scene.as_ann, "recipient=bob%40x.test&role=read-only").await;
    let id = scene.id("/shares", &scene.as_bob, "action=\"/shares/").await;
    post(house, &format!("/shares/{id}/accept"), &scene.as_bob, "").await;
    assert_eq!(house.get("/inverters/mine/settings", &scene.as_bob).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_removed_inverter_is_gone_for_everybody_and_they_are_told() {
    let scene = scene().await;
    let house = &scene.house;
    house.grant(scene.bob, scene.inverter, Role::ReadOnly).await;
    let page = house.text("/inverters/mine/remove", &scene.as_ann).await;
    assert!(page.contains("Remove East Tower?") && page.contains("needs someone at the cabinet."));
    post(house, "/inverters/mine/remove", &scene.as_ann, "sure=yes").await;
    for proof in [&scene.as_ann, &scene.as_bob] {
        assert_eq!(house.get("/inverters/mine", proof).await.status(), StatusCode::NOT_FOUND);
    }
    let [(kind, mailed, _)] = &scene.mails().await[..] else { panic!("he is told") };
    assert_eq!((kind.as_str(), mailed.as_str()), ("share_ended", "bob@x.test"));
    // Whoever has it next finds nothing of before.
    let anew = house.state.inverters().await.unwrap().remove(0);
    assert!(anew.key != scene.inverter && anew.public_id != "mine" && anew.name.is_empty());
    house.grant(scene.bob, anew.key, Role::ReadWrite).await;
    let next = format!("/api/v1/inverters/{}", anew.public_id);
    let latest = house.json(&next, &house.token(scene.bob).await).await;
    assert_eq!(latest["last_reading"], serde_json::Value::Null);
}

/// ASVS 5.0: 8.2.3.
#[tokio::test]
async fn a_program_renames_with_a_token_to_write_only() {
    let scene = scene().await;
    let house = &scene.house;
    let (reads, writes) = (house.token(scene.ann).await, house.token_reaching(scene.ann, true, None).await);
    let named = r#"{"name":"Lift  7"}"#;
    let path = "/api/v1/inverters/mine";
    let refused = house.send(Method::PATCH, path, &reads, &[], named).await;
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    let done = house.send(Method::PATCH, path, &writes, &[], named).await;
    assert_eq!(done.status(), StatusCode::NO_CONTENT);
    assert_eq!(house.json(path, &reads).await["name"], "Lift 7");
    let odd = house.send(Method::PATCH, path, &writes, &[], r#"{"name":"x","role":"all"}"#).await;
    assert_eq!(odd.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn an_organization_that_demands_a_second_factor_shows_nothing_without_one() {
    let scene = scene().await;
    let house = &scene.house;
    let club = house.club().await;
    house.grant(club, scene.inverter, Role::ReadWrite).await;
    house.member(club, scene.bob, MemberRole::Owner).await;
    let page = format!("/organizations/{CLUB}");
    post(house, &format!("{page}/settings"), &scene.as_bob, "name=Club&second_factor=yes").await;
    for path in ["/inverters/mine", "/inverters/mine/settings", &page] {
        let response = house.get(path, &scene.as_bob).await;
        assert_eq!(response.headers()[header::LOCATION], "/me/security?why=needed", "{path}");
    }
    let token = house.token(scene.bob).await;
    assert_eq!(house.get("/api/v1/inverters/mine", &token).await.status(), StatusCode::FORBIDDEN);
    assert_eq!(house.text("/api/v1/inverters", &token).await, r#"{"items":[]}"#);
    // What is one's own does not depend on it.
    house.grant(scene.bob, scene.inverter, Role::ReadOnly).await;
    assert_eq!(house.json("/api/v1/inverters/mine", &token).await["role"], "read-only");
    let (_, _, as_bob) = house.app(&scene.as_bob).await;
    assert_eq!(house.json("/api/v1/inverters/mine", &token).await["role"], "read-write");
    assert_eq!(house.get(&page, &as_bob).await.status(), StatusCode::OK);
}
