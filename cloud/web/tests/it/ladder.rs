//! Ladders: changed by who may, one thing at a time; what they say of people; that who is told next is on the alarm's page.

use fleet::{AccountKey, MemberRole, Role};
use http::{Method, StatusCode};
use serde_json::json;
use store::state::LadderOf;

use crate::house::{CLUB, House, ORIGIN, Proof, body, sample};

struct Scene {
    house: House,
    page: String,
    site_page: String,
    dana: Proof,
    luis: Proof,
    luis_key: AccountKey,
    mara: Proof,
    club: fleet::OrganizationKey,
}

/// Dana owns the club, Luis is its member, Mara looks; Eve was given access to the hall at its site in person.
async fn scene() -> Scene {
    let house = House::new().await;
    let club = house.club().await;
    house.site("pier", club).await;
    let mut proofs = Vec::new();
    let mut keys = Vec::new();
    for (name, role) in
        [("dana", MemberRole::Owner), ("luis", MemberRole::Member), ("mara", MemberRole::Viewer)]
    {
        let account = house.account(&format!("{name}@x.test")).await;
        let act = house.act(fleet::audit::Verb::AccountName);
        house.state.set_account_name(account, name, &act).await.unwrap();
        house.member(club, account, role).await;
        proofs.push(house.session(account).await);
        keys.push(account);
    }
    let hall = house.inverter("hallb", "Hall B").await;
    house.grant(club, hall, Role::ReadWrite).await;
    let site = house.state.site("pier").await.unwrap().unwrap().key;
    let edit = store::state::InverterEdit { site: Some(Some(site)), ..Default::default() };
    house.state.edit_inverter(hall, edit, &house.act(fleet::audit::Verb::InverterEdit)).await.unwrap();
    let eve = house.account("eve@x.test").await;
    let act = house.act(fleet::audit::Verb::AccountName);
    house.state.set_account_name(eve, "eve", &act).await.unwrap();
    house.grant(eve, hall, Role::ReadOnly).await;
    house.read(hall, house.now(), sample(104));
    let [dana, luis, mara] = <[Proof; 3]>::try_from(proofs).ok().unwrap();
    let (page, site_page) = (format!("/organizations/{CLUB}/ladder"), "/sites/pier/ladder".to_owned());
    Scene { house, page, site_page, dana, luis, luis_key: keys[1], mara, club }
}

impl Scene {
    async fn post(&self, path: &str, proof: &Proof, form: &str) -> (StatusCode, String) {
        let response = self.house.send(Method::POST, path, proof, &[("origin", ORIGIN)], form).await;
        (response.status(), body(response).await)
    }

    /// Presses a button of the page as it is now.
    async fn press(&self, path: &str, proof: &Proof, form: &str) -> (StatusCode, String) {
        let seen = seen(&self.house.text(path, proof).await);
        self.post(path, proof, &format!("seen={seen}&{form}")).await
    }

    /// The number of somebody in the forms of a page.
    async fn number(&self, path: &str, proof: &Proof, name: &str) -> String {
        let page = self.house.text(path, proof).await;
        let (before, _) =
            page.rsplit_once(&format!("<span>{name}<small")).unwrap_or_else(|| panic!("{name}: {page}"));
        let (_, value) = before.rsplit_once("value=\"").unwrap();
        value.split('"').next().unwrap().to_owned()
    }

    async fn add(&self, path: &str, proof: &Proof, wait: &str, names: &[&str]) -> (StatusCode, String) {
        let mut form = format!("do=add&wait={wait}");
        for name in names {
            form.push_str(&format!("&person={}", self.number(path, proof, name).await));
        }
        self.press(path, proof, &form).await
    }
}

fn seen(page: &str) -> String {
    page.split_once("name=\"seen\" value=\"").unwrap().1.split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn steps_are_added_moved_changed_and_removed_by_who_may() {
    let s = scene().await;
    let before = s.house.text(&s.page, &s.mara).await;
    assert!(
        before.contains("View only") && before.contains("None") && !before.contains("name=\"do\""),
        "{before}"
    );
    assert!(!before.contains("dana@x.test") && !before.contains("luis@x.test"), "names, never addresses");
    for proof in [&s.luis, &s.mara] {
        assert_eq!(s.post(&s.page, proof, "do=clear&seen=x").await.0, StatusCode::FORBIDDEN);
    }
    assert_eq!(s.post(&s.site_page, &s.mara, "do=clear&seen=x").await.0, StatusCode::FORBIDDEN);
    assert_eq!(s.add(&s.page, &s.dana, "0", &["dana"]).await.0, StatusCode::SEE_OTHER);
    assert_eq!(s.add(&s.page, &s.dana, "15", &["luis", "mara"]).await.0, StatusCode::SEE_OTHER);
    let page = s.house.text(&s.page, &s.mara).await;
    assert!(page.contains("1. At once") && page.contains("2. 15\u{a0}min after step 1"), "{page}");
    assert!(page.contains("Told by e-mail."), "{page}");
    let mara = s.number(&s.page, &s.dana, "mara").await;
    assert_eq!(
        s.press(&s.page, &s.dana, &format!("do=save&step=1&wait=5&person={mara}")).await.0,
        StatusCode::SEE_OTHER
    );
    assert_eq!(s.press(&s.page, &s.dana, "do=up&step=1").await.0, StatusCode::SEE_OTHER);
    let page = s.house.text(&s.page, &s.mara).await;
    assert!(
        page.contains("1. 5\u{a0}min after the alarm") && page.contains("2. Together with step 1"),
        "{page}"
    );
    // The site has none of its own: the page says which counts.
    let there = s.house.text(&s.site_page, &s.luis).await;
    assert!(there.contains("counts here now"), "{there}");
    assert_eq!(s.add(&s.site_page, &s.luis, "10", &["eve", "luis"]).await.0, StatusCode::SEE_OTHER);
    let there = s.house.text(&s.site_page, &s.luis).await;
    assert!(
        there.contains("1. 10\u{a0}min after the alarm") && !there.contains("counts here now"),
        "{there}"
    );
    assert_eq!(s.press(&s.site_page, &s.luis, "do=remove&step=0").await.0, StatusCode::SEE_OTHER);
    assert_eq!(s.house.state.ladder(LadderOf::Organization(s.club)).await.unwrap().unwrap().steps().len(), 2);
    let activity = s.house.text(&format!("/organizations/{CLUB}/activity"), &s.dana).await;
    for words in ["changed whom alarms are escalated to", "removed an escalation ladder"] {
        assert!(activity.contains(words), "{words}: {activity}");
    }
}

#[tokio::test]
async fn what_is_refused_says_what_to_do_and_changes_nothing() {
    let s = scene().await;
    let check = async |form: &str, words: &str| {
        let (status, page) = s.press(&s.page, &s.dana, form).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{form}");
        assert!(page.contains(words), "{form}: {page}");
    };
    check("do=add&wait=15", "Choose at least one person").await;
    check("do=add&wait=soon&person=0", "Type how many minutes").await;
    check("do=add&wait=1441&person=0", "from 0 to 1440").await;
    check("do=add&wait=-1&person=0", "from 0 to 1440").await;
    check("do=add&wait=5&person=0&person=0", "Choose each person once").await;
    check("do=add&wait=5&person=99", "Somebody changed this ladder").await;
    check("do=remove&step=0", "Somebody changed this ladder").await;
    // What was typed stands.
    let (_, page) = s.press(&s.page, &s.dana, "do=add&wait=2000&person=1").await;
    assert!(page.contains("value=\"2000\"") && page.contains("value=\"1\" checked"), "{page}");
    assert!(s.house.text(&s.page, &s.dana).await.contains("None"));
    for _ in 0..8 {
        assert_eq!(s.add(&s.page, &s.dana, "1440", &["luis"]).await.0, StatusCode::SEE_OTHER);
    }
    assert!(!s.house.text(&s.page, &s.dana).await.contains("Add step"));
    check("do=add&wait=5&person=0", "8 steps at most").await;
    // A form that is older than somebody else's change.
    let old = seen(&s.house.text(&s.page, &s.dana).await);
    assert_eq!(s.press(&s.page, &s.dana, "do=remove&step=7").await.0, StatusCode::SEE_OTHER);
    let (status, page) = s.post(&s.page, &s.dana, &format!("seen={old}&do=remove&step=0")).await;
    assert!(
        status == StatusCode::UNPROCESSABLE_ENTITY && page.contains("Somebody changed this ladder"),
        "{page}"
    );
    assert_eq!(s.house.state.ladder(LadderOf::Organization(s.club)).await.unwrap().unwrap().steps().len(), 7);
    assert_eq!(s.press(&s.page, &s.dana, "do=clear").await.0, StatusCode::SEE_OTHER);
    assert_eq!(s.house.state.ladder(LadderOf::Organization(s.club)).await.unwrap(), None);
}

#[tokio::test]
async fn whoever_cannot_be_told_is_said_to_be_passed_over_and_leaves_with_their_membership() {
    let s = scene().await;
    s.add(&s.page, &s.dana, "0", &["luis"]).await;
    s.add(&s.site_page, &s.dana, "0", &["luis"]).await;
    let nothing = fleet::notice::Preferences {
        critical: fleet::notice::Channels::NONE,
        ..fleet::notice::Preferences::default()
    };
    let act = s.house.act(fleet::audit::Verb::NotificationsEdit);
    s.house.state.set_preferences(s.luis_key, &nothing, &act).await.unwrap();
    let page = s.house.text(&s.page, &s.mara).await;
    assert!(
        page.contains("told of no critical alarms") && page.contains("Nobody in step 1 can be told"),
        "{page}"
    );
    let act = s.house.act(fleet::audit::Verb::MemberRemove);
    s.house.state.remove_member(s.club, s.luis_key, &act).await.unwrap();
    for path in [&s.page, &s.site_page] {
        let page = s.house.text(path, &s.dana).await;
        assert!(page.contains("Nobody is left here") && !page.contains("luis"), "{page}");
    }
}

#[tokio::test]
async fn programs_read_the_ladder_of_an_inverter_they_may_see() {
    let s = scene().await;
    assert_eq!(s.house.json("/api/v1/inverters/hallb/ladder", &s.mara).await, json!({ "steps": [] }));
    s.add(&s.page, &s.dana, "0", &["dana"]).await;
    s.add(&s.page, &s.dana, "15", &["luis", "mara"]).await;
    let expected = json!({ "steps": [
        { "after_minutes": 0, "people": ["dana"] },
        { "after_minutes": 15, "people": ["luis", "mara"] },
    ] });
    assert_eq!(s.house.json("/api/v1/inverters/hallb/ladder", &s.mara).await, expected);
}
