//! Every route × everybody: what is somebody else's is not there.
//!
//! The cells follow from the router's own table ([`ROUTES`]): who is let in by a route's [`Access`]. A route that answers
//! those whom it lets in with something else than 200 has one line in [`ANSWERS`], a new parameter of a path one line in
//! [`FILLED`]. A route that this test does not know how to ask fails it.

use fleet::audit::Verb;
use fleet::session::Life;
use fleet::{AccountKey, MemberRole, Role};
use http::{Method, StatusCode, header};
use store::state::{NewOrganization, NewQuarantined};
use web::{Access, ROUTES, Route};

use crate::house::{CLUB, House, Proof, body, sample};

/// What a route answers whom it lets in: method, path, status, and whether it asks for a fresh proof first. An empty
/// form is sent.
const ANSWERS: &[(&str, &str, u16, Proves)] = &[
    ("GET", "/", 303, Proves::Nothing),
    ("POST", "/sign-in", 400, Proves::Nothing),
    ("POST", "/sign-out", 303, Proves::Nothing),
    ("GET", "/sign-in/code", 303, Proves::Nothing),
    ("POST", "/sign-in/code", 400, Proves::Nothing),
    ("POST", "/sign-in/passkey", 400, Proves::Nothing),
    ("POST", "/confirm", 400, Proves::Nothing),
    ("POST", "/confirm/passkey", 400, Proves::Nothing),
    ("POST", "/me/notifications", 400, Proves::Nothing),
    ("POST", "/me/notifications/test", 400, Proves::Nothing),
    ("GET", "/me/notifications/phones/new", 200, Proves::Fresh),
    ("POST", "/me/notifications/phones/new", 400, Proves::Fresh),
    ("GET", "/me/notifications/phones/{phone}", 404, Proves::Fresh),
    ("POST", "/me/notifications/phones/{phone}", 404, Proves::Fresh),
    ("POST", "/me/notifications/phones/{phone}/remove", 404, Proves::Fresh),
    ("GET", "/me/notifications/push/new", 200, Proves::Fresh),
    ("POST", "/me/notifications/push/new", 400, Proves::Fresh),
    ("POST", "/me/notifications/push/{device}/remove", 404, Proves::Fresh),
    ("POST", "/push/arrived", 400, Proves::Nothing),
    ("GET", "/me/notifications/webhooks/new", 200, Proves::Fresh),
    ("POST", "/me/notifications/webhooks/new", 400, Proves::Fresh),
    ("POST", "/me/notifications/webhooks/{webhook}/challenge", 404, Proves::Fresh),
    ("POST", "/me/notifications/webhooks/{webhook}/remove", 404, Proves::Fresh),
    ("GET", "/me/security/app", 303, Proves::Fresh),
    ("POST", "/me/security/app", 303, Proves::Fresh),
    ("POST", "/me/security/app/code", 400, Proves::Fresh),
    ("POST", "/me/security/app/remove", 303, Proves::Fresh),
    ("POST", "/me/security/recovery", 303, Proves::Fresh),
    ("GET", "/me/security/passkeys/new", 200, Proves::Fresh),
    ("POST", "/me/security/passkeys/new", 400, Proves::Fresh),
    ("GET", "/me/security/passkeys/options", 200, Proves::Fresh),
    ("POST", "/me/security/passkeys/{passkey}/name", 404, Proves::Fresh),
    ("POST", "/me/security/passkeys/{passkey}/remove", 404, Proves::Fresh),
    ("POST", "/me/security/sessions/end", 303, Proves::Nothing),
    ("POST", "/me/security/sessions/{session}/end", 404, Proves::Nothing),
    ("GET", "/assets/{file}", 404, Proves::Nothing),
    ("GET", "/pair", 200, Proves::Fresh),
    ("POST", "/pair", 400, Proves::Fresh),
    // An attempt is its own account's; `pairing` asks for those.
    ("GET", "/pair/{attempt}", 404, Proves::Nothing),
    ("POST", "/pair/{attempt}/cancel", 404, Proves::Nothing),
    ("GET", "/pair/{attempt}/name", 404, Proves::Nothing),
    ("POST", "/pair/{attempt}/name", 404, Proves::Nothing),
    ("GET", "/live/pair/{attempt}", 404, Proves::Nothing),
    ("GET", "/a/{code}", 303, Proves::Nothing),
    // An alarm is its inverter's; `alarms` asks for those.
    ("GET", "/alarms/{id}", 404, Proves::Nothing),
    ("GET", "/live/alarms/{id}", 404, Proves::Nothing),
    ("GET", "/inverters/{id}/outages/{started}", 404, Proves::Nothing),
    ("POST", "/alarms/{id}/acknowledge", 404, Proves::Nothing),
    ("POST", "/alarms/{id}/shelve", 404, Proves::Nothing),
    ("POST", "/alarms/{id}/unshelve", 404, Proves::Nothing),
    ("POST", "/register", 400, Proves::Nothing),
    ("GET", "/verify/{token}", 404, Proves::Nothing),
    ("POST", "/verify/{token}", 400, Proves::Nothing),
    ("POST", "/forgot", 400, Proves::Nothing),
    ("GET", "/reset/{token}", 404, Proves::Nothing),
    ("POST", "/reset/{token}", 400, Proves::Nothing),
    ("POST", "/me/name", 400, Proves::Nothing),
    ("GET", "/me/password", 200, Proves::Fresh),
    ("POST", "/me/password", 400, Proves::Fresh),
    ("GET", "/me/address", 200, Proves::Fresh),
    ("POST", "/me/address", 400, Proves::Fresh),
    ("GET", "/me/address/{token}", 404, Proves::Fresh),
    ("POST", "/me/address/{token}", 404, Proves::Fresh),
    ("GET", "/me/data", 200, Proves::Fresh),
    ("POST", "/me/data/export", 200, Proves::Fresh),
    ("POST", "/me/data/delete", 400, Proves::Fresh),
    ("POST", "/op/allow-list", 400, Proves::Fresh),
    ("POST", "/op/allow-list/remove", 400, Proves::Fresh),
    ("GET", "/me/tokens/new", 200, Proves::Fresh),
    ("POST", "/me/tokens/new", 422, Proves::Fresh),
    ("POST", "/me/tokens/{token}/revoke", 404, Proves::Fresh),
    ("GET", "/op/devices/new", 200, Proves::Fresh),
    ("POST", "/op/devices/new", 422, Proves::Fresh),
    ("POST", "/op/devices/{serial}/revoke", 303, Proves::Fresh),
    ("GET", "/op/accounts/account", 404, Proves::Nothing),
    ("POST", "/op/accounts/disable", 404, Proves::Fresh),
    ("POST", "/op/accounts/enable", 404, Proves::Fresh),
    ("POST", "/op/accounts/sign-out", 404, Proves::Fresh),
    ("POST", "/op/quarantine/{report}/download", 200, Proves::Fresh),
    ("POST", "/op/quarantine/{report}/delete", 303, Proves::Fresh),
    ("PATCH", "/api/v1/me/notifications", 400, Proves::Nothing),
    ("PATCH", "/api/v1/inverters/{id}", 400, Proves::Fresh),
    ("POST", "/api/v1/inverters/{id}/maintenance", 400, Proves::Fresh),
    ("DELETE", "/api/v1/inverters/{id}/maintenance/{window}", 404, Proves::Nothing),
    ("POST", "/api/v1/inverters/{id}/limits", 400, Proves::Fresh),
    ("DELETE", "/api/v1/inverters/{id}/limits/{limit}", 404, Proves::Fresh),
    ("POST", "/inverters/{id}/maintenance", 422, Proves::Fresh),
    ("POST", "/inverters/{id}/maintenance/{window}/end", 404, Proves::Nothing),
    ("POST", "/inverters/{id}/limits", 422, Proves::Fresh),
    ("POST", "/inverters/{id}/tests/{test}/note", 400, Proves::Nothing),
    ("POST", "/tests/exports", 303, Proves::Nothing),
    // An export is its own account's; `test_record` asks for those.
    ("GET", "/tests/exports/{export}", 404, Proves::Nothing),
    ("POST", "/tests/exports/{export}/delete", 404, Proves::Nothing),
    ("GET", "/tests/exports/{export}/{kind}", 404, Proves::Nothing),
    ("POST", "/inverters/{id}/limits/{limit}/remove", 404, Proves::Fresh),
    ("GET", "/inverters/{id}/people/new", 200, Proves::Fresh),
    ("POST", "/inverters/{id}/people", 400, Proves::Fresh),
    ("POST", "/inverters/{id}/people/new", 400, Proves::Fresh),
    ("POST", "/inverters/{id}/people/withdraw", 400, Proves::Fresh),
    ("POST", "/inverters/{id}/settings", 400, Proves::Fresh),
    ("POST", "/inverters/{id}/hand-over", 400, Proves::Fresh),
    ("GET", "/inverters/{id}/remove", 200, Proves::Fresh),
    ("POST", "/shares/{offer}/accept", 404, Proves::Nothing),
    ("POST", "/shares/{offer}/decline", 404, Proves::Nothing),
    ("POST", "/invitations/{invitation}/accept", 404, Proves::Nothing),
    ("POST", "/invitations/{invitation}/decline", 404, Proves::Nothing),
    ("GET", "/organizations/new", 200, Proves::Fresh),
    ("POST", "/organizations/new", 400, Proves::Fresh),
    ("POST", "/organizations/{organization}/members", 400, Proves::Fresh),
    ("POST", "/organizations/{organization}/invite", 400, Proves::Fresh),
    ("POST", "/organizations/{organization}/invitations/withdraw", 400, Proves::Fresh),
    ("POST", "/organizations/{organization}/settings", 400, Proves::Fresh),
    ("POST", "/organizations/{organization}/severities", 400, Proves::Fresh),
    ("POST", "/organizations/{organization}/logbook", 400, Proves::Fresh),
    // None is kept here; `logbook` asks for one that is.
    ("POST", "/organizations/{organization}/logbook/export", 404, Proves::Fresh),
    ("POST", "/organizations/{organization}/logbook/delete", 400, Proves::Fresh),
    ("POST", "/organizations/{organization}/sites", 400, Proves::Fresh),
    ("POST", "/organizations/{organization}/delete", 400, Proves::Fresh),
    ("POST", "/sites/{site}", 400, Proves::Fresh),
    ("POST", "/sites/{site}/ladder", 400, Proves::Fresh),
    ("POST", "/organizations/{organization}/ladder", 400, Proves::Fresh),
    ("POST", "/inverters/{id}/leave", 400, Proves::Fresh),
    ("POST", "/inverters/{id}/remove", 400, Proves::Fresh),
    ("POST", "/organizations/{organization}/leave", 400, Proves::Fresh),
    ("POST", "/sites/{site}/delete", 400, Proves::Fresh),
];

/// What public routes answer whom they know, where that is something else.
const SIGNED_IN: &[(&str, &str, u16)] = &[("GET", "/sign-in", 303)];

/// Parameters: one that is `mine` or the club's, somebody else's, one that is not there.
const FILLED: &[(&str, &str, &str, &str)] = &[
    ("{id}", "mine", "theirs", "nowhere"),
    ("{code}", "MINEALRM", "THEIRALM", "NOWHERE2"),
    ("{organization}", CLUB, "THEIRS2222", "NOWHERE222"),
    ("{site}", "clubhouse", "theirsite", "nosite"),
    // Of nobody here; one's own are asked in `sharing`.
    ("{offer}", "none", "none", "nothing"),
    ("{invitation}", "none", "none", "nothing"),
    ("{file}", "nothing.css", "nothing.css", "nothing.js"),
    ("{token}", NO_LINK, NO_LINK, "no-secret"),
    ("{attempt}", "none", "none", "none"),
    ("{serial}", "2311-mine", "2311-theirs", "2311-nowhere"),
    ("{report}", "1", "2", "998"),
    // None is set; `maintenance` and `limits` ask for those that are.
    ("{window}", "1", "1", "2"),
    ("{limit}", "1", "1", "2"),
    // None happened; `power_losses` asks for one that did.
    ("{started}", "1", "1", "2"),
    // An instant at which a test began; `test_record` asks for one.
    ("{test}", "1", "1", "2"),
    ("{export}", "none", "none", "none"),
    ("{kind}", "pdf", "pdf", "pdf"),
    ("{passkey}", "nothing", "theirs", "nothing"),
    ("{phone}", "nothing", "theirs", "nothing"),
    ("{device}", "nothing", "theirs", "nothing"),
    ("{webhook}", "nothing", "theirs", "nothing"),
    ("{session}", NO_LINK, NO_LINK, "nothing"),
];

/// A secret that was never mailed, a session that nobody has.
const NO_LINK: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Unsafe requests that a remembered device may make.
const REMEMBERED_MAY: &[&str] = &[
    "/confirm",
    "/confirm/passkey",
    "/alarms/{id}/acknowledge",
    "/alarms/{id}/shelve",
    "/alarms/{id}/unshelve",
];

/// Whether a route asks for a fresh proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Proves {
    Nothing,
    Fresh,
}

/// Whom a request comes from.
#[derive(Clone)]
struct Somebody {
    name: &'static str,
    account: Option<AccountKey>,
    by: By,
    /// On the inverter `mine`, whatever it comes by.
    role: Option<Role>,
    /// In the organization `CLUB`.
    member: Option<MemberRole>,
    operator: bool,
    /// Has what operators must have.
    second_factor: bool,
}

/// How somebody proves who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Nothing,
    MadeUpCookie,
    MadeUpToken,
    /// Signed in a moment ago.
    Session,
    /// Signed in 20 minutes ago, active since.
    OldProof,
    /// Signed in two hours ago on a device that is remembered.
    Remembered,
    ReadToken,
    WriteToken,
    /// A token to write that reaches another inverter only.
    TokenElsewhere,
}

/// What is expected of one cell.
#[derive(Debug, PartialEq, Eq)]
enum Cell {
    SignIn,
    Confirm,
    /// The page where a second factor is set up.
    SecondFactor,
    Status(u16),
}

impl Somebody {
    fn page(&self) -> bool {
        matches!(self.by, By::Session | By::OldProof | By::Remembered)
    }

    fn api(&self) -> bool {
        self.page() || self.token()
    }

    fn token(&self) -> bool {
        matches!(self.by, By::ReadToken | By::WriteToken | By::TokenElsewhere)
    }

    /// A proof of its own for each request: signing out ends a session.
    async fn proof(&self, house: &House) -> Proof {
        const MINUTE: i64 = 60_000;
        let now = house.now();
        let Some(account) = self.account else {
            return match self.by {
                By::MadeUpCookie => Proof::Cookie("A".repeat(43)),
                By::MadeUpToken => Proof::Token("A".repeat(43)),
                _ => Proof::None,
            };
        };
        match self.by {
            By::OldProof => {
                let life = Life::begin(now.plus_ms(-20 * MINUTE), false);
                house.session_of(account, life.used(now)).await
            }
            By::Remembered => house.session_of(account, Life::begin(now.plus_ms(-120 * MINUTE), true)).await,
            By::ReadToken => house.token(account).await,
            By::WriteToken => house.token_reaching(account, true, None).await,
            By::TokenElsewhere => {
                let elsewhere = house.state.inverters().await.unwrap();
                let elsewhere = elsewhere.iter().find(|inverter| inverter.public_id == "theirs").unwrap();
                house.token_reaching(account, true, Some(elsewhere.key)).await
            }
            _ => house.session(account).await,
        }
    }
}

/// What an object needs, compared with what somebody has: 404 with nothing, 403 with too little.
fn compare<R: PartialOrd>(has: Option<R>, needs: R) -> Option<u16> {
    match has {
        None => Some(404),
        Some(has) if has < needs => Some(403),
        Some(_) => None,
    }
}

/// Why a route does not let somebody in who counts, if it does not.
fn refused(access: Access, who: &Somebody) -> Option<u16> {
    let reached = who.role.filter(|_| who.by != By::TokenElsewhere);
    match access {
        Access::Public | Access::SignedIn | Access::Api | Access::ApiPerson => None,
        Access::Operator => (!who.operator).then_some(404),
        Access::Inverter | Access::ApiInverter => compare(reached, Role::ReadOnly),
        Access::Manage | Access::ApiEdit => {
            compare(reached, Role::ReadWrite).or((who.by == By::ReadToken).then_some(403))
        }
        Access::Organization | Access::Site => compare(who.member, MemberRole::Viewer),
        Access::OrganizationWork | Access::SiteWork => compare(who.member, MemberRole::Member),
        Access::OrganizationOwn => compare(who.member, MemberRole::Owner),
    }
}

fn expected(route: &Route, who: &Somebody) -> Cell {
    let by_token = matches!(route.access, Access::Api | Access::ApiInverter | Access::ApiEdit);
    let api = by_token || route.access == Access::ApiPerson;
    let (live, unsafe_) = (route.path.starts_with("/live/"), route.method != "GET");
    // Only who looks at a page is led to the sign-in page; a form that was sent is refused.
    let sign_in = if api || live || unsafe_ { Cell::Status(401) } else { Cell::SignIn };
    let confirm = if api || live { Cell::Status(403) } else { Cell::Confirm };
    let here = |line: &(&str, &str)| *line == (route.method, route.path);
    if route.access == Access::Public {
        let known = SIGNED_IN.iter().find(|(method, path, _)| who.page() && here(&(method, path)));
        if let Some((.., status)) = known {
            return Cell::Status(*status);
        }
    } else if !(if by_token { who.api() } else { who.page() }) {
        return sign_in;
    } else if who.by == By::Remembered && unsafe_ && !REMEMBERED_MAY.contains(&route.path) {
        return confirm;
    }
    if let Some(status) = refused(route.access, who) {
        return Cell::Status(status);
    }
    if route.access == Access::Operator && !who.second_factor {
        return Cell::SecondFactor;
    }
    // Whoever has a second factor is shown a new set.
    if who.by == By::Session && who.second_factor && here(&("POST", "/me/security/recovery")) {
        return Cell::Status(200);
    }
    let answer = ANSWERS.iter().find(|(method, path, ..)| here(&(method, path)));
    let fresh = answer.is_some_and(|(.., proves)| *proves == Proves::Fresh);
    let fresh = fresh || (route.access == Access::Operator && unsafe_);
    if fresh && !(who.by == By::Session || who.token()) {
        return confirm;
    }
    if route.access == Access::Operator && who.by == By::Remembered {
        return confirm;
    }
    Cell::Status(answer.map_or(200, |(_, _, status, _)| *status))
}

/// A path of a route with its parameters filled in, by `which` of the three.
fn filled(
    route: &Route,
    which: fn(&(&str, &'static str, &'static str, &'static str)) -> &'static str,
) -> String {
    let fill = |path: String, line: &(&str, &'static str, &'static str, &'static str)| {
        path.replace(line.0, which(line))
    };
    let path = FILLED.iter().fold(route.path.to_owned(), fill);
    assert!(!path.contains('{'), "say in FILLED how to ask {}", route.path);
    path
}

async fn everybody(house: &House) -> Vec<Somebody> {
    let mine = house.inverter("mine", "East Tower").await;
    let theirs = house.inverter("theirs", "Secret Bunker").await;
    house.read(mine, house.now(), sample(104));
    house.alarm(mine, "MINEALRM").await;
    house.alarm(theirs, "THEIRALM").await;
    let (key, reason, payload) = ("0/0".to_owned(), "not CBOR".to_owned(), vec![0]);
    let report = NewQuarantined { key, inverter: mine, received_at: house.now(), reason, payload };
    house.state.quarantine(&[report]).await.unwrap();
    let club = house.club().await;
    house.site("clubhouse", club).await;
    house.site("theirsite", house.account("somebody@x.test").await).await;
    house.grant(club, mine, Role::ReadWrite).await;
    let mut all = Vec::new();
    let nobody = |name, by| Somebody {
        name,
        account: None,
        by,
        role: None,
        member: None,
        operator: false,
        second_factor: false,
    };
    all.push(nobody("anonymous", By::Nothing));
    all.push(nobody("made-up cookie", By::MadeUpCookie));
    all.push(nobody("made-up token", By::MadeUpToken));
    let (look, manage) = (Some(Role::ReadOnly), Some(Role::ReadWrite));
    // The club holds `mine` read-write: a viewer of the club only looks.
    for (name, role, member) in [
        ("a fresh user", None, None),
        ("another tenant", None, None),
        ("read-only", look, None),
        ("read-write", manage, None),
        ("the club's viewer", look, Some(MemberRole::Viewer)),
        ("the club's member", manage, Some(MemberRole::Member)),
        ("the club's owner", manage, Some(MemberRole::Owner)),
    ] {
        let account = house.account(&format!("{}@x.test", name.replace([' ', '\''], "."))).await;
        match (member, role) {
            (Some(member), _) => house.member(club, account, member).await,
            (None, Some(role)) => house.grant(account, mine, role).await,
            (None, None) => {}
        }
        if name == "another tenant" {
            house.grant(account, theirs, Role::ReadWrite).await;
        }
        let somebody = |by| Somebody {
            name,
            account: Some(account),
            by,
            role,
            member,
            operator: false,
            second_factor: false,
        };
        all.extend(
            [By::Session, By::OldProof, By::Remembered, By::ReadToken, By::WriteToken, By::TokenElsewhere]
                .map(somebody),
        );
    }
    let operator = Some(house.operator("operator@x.test").await);
    for by in [By::Session, By::OldProof, By::Remembered, By::ReadToken, By::WriteToken] {
        let one = nobody("an operator", by);
        all.push(Somebody { account: operator, operator: true, second_factor: true, ..one });
    }
    let bare = Some(house.operator_without_factor("bare@x.test").await);
    for by in [By::Session, By::OldProof, By::WriteToken] {
        let one = nobody("an operator without a second factor", by);
        all.push(Somebody { account: bare, operator: true, ..one });
    }
    all
}

/// ASVS 5.0: 6.1.3, 6.3.4, 7.2.1, 7.2.2, 7.5.1, 8.1.1, 8.2.1, 8.3.1, 13.4.1, 13.4.3, 13.4.5, 15.3.3.
#[tokio::test]
async fn every_route_answers_everybody_as_the_table_says() {
    let house = House::new().await;
    let all = everybody(&house).await;
    let mut asked = 0;
    for route in ROUTES {
        for who in &all {
            let proof = who.proof(&house).await;
            check(&house, route, who, &proof).await;
            asked += 1;
        }
    }
    // 3 who are nobody, 7 accounts in 6 ways, an operator in 5 and one without a second factor in 3.
    assert_eq!(asked, ROUTES.len() * 53);
}

async fn check(house: &House, route: &Route, who: &Somebody, proof: &Proof) {
    let method: Method = route.method.parse().unwrap();
    let response = house.send(method, &filled(route, |line| line.1), proof, &[], "").await;
    let leads_to = |place: &str| {
        let to = response.headers().get(header::LOCATION).map(|to| to.to_str().unwrap());
        response.status() == StatusCode::SEE_OTHER && to.is_some_and(|to| to.starts_with(place))
    };
    let found = match response.status() {
        _ if leads_to("/confirm") => Cell::Confirm,
        _ if leads_to("/me/security?why=needed") => Cell::SecondFactor,
        _ if route.access != Access::Public && route.method == "GET" && leads_to("/sign-in") => Cell::SignIn,
        status => Cell::Status(status.as_u16()),
    };
    let cell = format!("{} {} as {} by {:?}", route.method, route.path, who.name, who.by);
    assert_eq!(found, expected(route, who), "{cell}");
}

/// ASVS 5.0: 7.4.2.
#[tokio::test]
async fn a_disabled_account_is_nobody() {
    let house = House::new().await;
    for mut who in everybody(&house).await.into_iter().filter(|who| who.name == "read-write") {
        let enabled = house.act(Verb::AccountEnable);
        house.state.set_account_disabled(who.account.unwrap(), false, &enabled).await.unwrap();
        let before = who.proof(&house).await;
        house.disable(who.account.unwrap()).await;
        who.by = if who.token() { By::MadeUpToken } else { By::MadeUpCookie };
        for route in ROUTES {
            check(&house, route, &who, &before).await;
        }
    }
}

/// ASVS 5.0: 8.2.1.
#[test]
fn every_answer_is_of_a_route() {
    let there = |method, path| ROUTES.iter().any(|route| (route.method, route.path) == (method, path));
    for (method, path, ..) in ANSWERS {
        assert!(there(*method, *path), "no route: {method} {path}");
    }
    assert!(FILLED.iter().all(|line| ROUTES.iter().any(|route| route.path.contains(line.0))));
}

/// ASVS 5.0: 8.2.2, 8.4.1.
#[tokio::test]
async fn what_is_somebody_elses_and_what_is_missing_are_the_same() {
    let house = House::new().await;
    let theirs = house.inverter("theirs", "Secret Bunker").await;
    house.read(theirs, house.now(), sample(104));
    house.alarm(theirs, "THEIRALM").await;
    house.site("theirsite", house.account("somebody@x.test").await).await;
    let new = NewOrganization { public_id: "THEIRS2222", name: "Bunker Club", owner: None };
    house.state.create_organization(new, house.act(Verb::OrganizationAdd)).await.unwrap();
    let guest = house.account("guest@x.test").await;
    let (cookie, token) = (house.session(guest).await, house.token(guest).await);
    for route in ROUTES.iter().filter(|route| route.path.contains('{')) {
        let proof = if route.path.starts_with("/api/") { &token } else { &cookie };
        let method: Method = route.method.parse().unwrap();
        let foreign = house.send(method.clone(), &filled(route, |line| line.2), proof, &[], "").await;
        let missing = house.send(method, &filled(route, |line| line.3), proof, &[], "").await;
        assert_eq!(foreign.status(), missing.status(), "{}", route.path);
        let named = |headers: &http::HeaderMap| {
            headers.iter().map(|(name, value)| format!("{name}: {value:?}")).collect::<Vec<_>>()
        };
        assert_eq!(named(foreign.headers()), named(missing.headers()), "{}", route.path);
        let without_reference = |text: String| {
            let at = text.find("eference").map_or(text.len(), |at| at + 8);
            text[..at].to_owned()
        };
        let (foreign, missing) = (body(foreign).await, body(missing).await);
        assert_eq!(without_reference(foreign.clone()), without_reference(missing), "{}", route.path);
        assert!(!foreign.contains("Bunker"));
    }
    let list = house.text("/api/v1/inverters", &token).await;
    assert_eq!(list, r#"{"items":[]}"#);
    assert!(!house.text("/fleet", &cookie).await.contains("Bunker"));
}

#[test]
fn the_club_is_named_as_elsewhere() {
    assert_eq!(CLUB.len(), web::organization_code().unwrap().len());
}

#[tokio::test]
async fn a_grant_that_ended_or_was_taken_counts_no_more() {
    let house = House::new().await;
    let inverter = house.inverter("mine", "East Tower").await;
    let account = house.account("a@x.test").await;
    let cookie = house.session(account).await;
    let ends = Some(house.now().plus_ms(60_000));
    house.grant_until(account, inverter, Role::ReadOnly, ends).await;
    assert_eq!(house.get("/inverters/mine", &cookie).await.status(), StatusCode::OK);
    house.wait(60_000);
    assert_eq!(house.get("/inverters/mine", &cookie).await.status(), StatusCode::NOT_FOUND);
    house.grant(account, inverter, Role::ReadOnly).await;
    assert_eq!(house.get("/inverters/mine", &cookie).await.status(), StatusCode::OK);
    house.ungrant(account, inverter).await;
    assert_eq!(house.get("/inverters/mine", &cookie).await.status(), StatusCode::NOT_FOUND);
}

/// ASVS 5.0: 3.7.2.
#[tokio::test]
async fn a_sign_in_page_returns_to_where_somebody_wanted_to_go() {
    let house = House::new().await;
    let response = house.get("/inverters/x?range=7d", &Proof::None).await;
    assert_eq!(response.headers()[header::LOCATION], "/sign-in?next=/inverters/x%3Frange%3D7d");
}
