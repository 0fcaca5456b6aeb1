//! Pages: the words at night, nothing inline, nothing from elsewhere, whatever names people give.

use fleet::Role;
use http::StatusCode;
use wire::Condition;

use crate::house::{House, Proof, outage, sample};

/// What a reader sees of a page's main part, a line per block.
fn words(html: &str) -> String {
    let main = html.split_once("<main").map_or(html, |(_, main)| main);
    let main = main.split("</main>").next().unwrap();
    let main = main.split_once('>').map_or("", |(_, main)| main);
    let mut text = String::new();
    let mut tag: Option<String> = None;
    for character in main.chars() {
        match (&mut tag, character) {
            (None, '<') => tag = Some(String::new()),
            (None, other) => text.push(other),
            (Some(name), '>') => {
                let block = [
                    "p", "/p", "div", "/div", "li", "h1", "h2", "section", "tr", "dt", "summary", "a", "nav",
                    "text", "label",
                ];
                let name: &str = name.split([' ', '\n']).next().unwrap();
                text.push_str(if block.contains(&name) { "\n" } else { " " });
                tag = None;
            }
            (Some(name), other) => name.push(other),
        }
    }
    let lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

async fn house() -> (House, Proof) {
    let house = House::new().await;
    let account = house.account("a@x.test").await;
    let minute = 60_000;
    for (id, name, role) in [
        ("level7", "East Tower Level 7", Role::ReadWrite),
        ("level2", "East Tower Level 2", Role::ReadWrite),
        ("hallb", "Hall B", Role::ReadWrite),
        ("dock", "Loading Dock", Role::ReadWrite),
        ("annex", "Annex", Role::ReadOnly),
        ("fresh", "Garage", Role::ReadWrite),
    ] {
        let key = house.inverter(id, name).await;
        house.grant(account, key, role).await;
        let now = house.now();
        match id {
            "level7" => house.read(key, now.plus_ms(-2_000), sample(104)),
            "level2" => {
                house.read(key, now.plus_ms(-12 * minute - 2_000), sample(96));
                house.read(key, now.plus_ms(-12 * minute), outage(96));
                house.read(key, now.plus_ms(-1_000), outage(84));
            }
            "hallb" => {
                let mut fault = sample(61);
                fault.conditions.set(Condition::CHARGER_FAULT, true);
                house.read(key, now.plus_ms(-36 * minute), fault.clone());
                house.read(key, now.plus_ms(-5_000), fault);
            }
            "dock" => house.read(key, now.plus_ms(-5 * 60 * minute), sample(99)),
            "annex" => {
                let mut hot = sample(97);
                hot.conditions.set(Condition::AMBIENT_HIGH, true);
                house.read(key, now.plus_ms(-109 * minute), hot.clone());
                house.read(key, now.plus_ms(-4_000), hot);
            }
            _ => {}
        }
    }
    let proof = house.session(account).await;
    (house, proof)
}

#[tokio::test]
async fn the_fleet_answers_first() {
    let (house, proof) = house().await;
    insta::assert_snapshot!("fleet", words(&house.text("/fleet", &proof).await));
}

#[tokio::test]
async fn each_state_has_its_words() {
    let (house, proof) = house().await;
    for id in ["level7", "level2", "hallb", "dock", "annex", "fresh"] {
        let page = words(&house.text(&format!("/inverters/{id}"), &proof).await);
        // Not the list of fifteen conditions, which is the same everywhere.
        let page = page.split("What it reports").next().unwrap();
        insta::assert_snapshot!(format!("inverter-{id}"), page);
    }
}

/// A page without the tabs that lead to its neighbours: those are other pages' business.
fn without_tabs(html: String) -> String {
    match html.split_once("<nav class=\"viewtabs") {
        Some((before, rest)) => before.to_owned() + rest.split_once("</nav>").unwrap().1,
        None => html,
    }
}

#[tokio::test]
async fn getting_in_and_ones_own_account_say_what_comes_next() {
    let house = House::new().await;
    for path in ["register", "forgot"] {
        insta::assert_snapshot!(path, words(&house.text(&format!("/{path}"), &Proof::None).await));
    }
    let account = house.account("ann@x.test").await;
    let cookie = house.session(account).await;
    for path in ["me", "me/password", "me/address", "me/data"] {
        let page = without_tabs(house.text(&format!("/{path}"), &cookie).await);
        insta::assert_snapshot!(path.replace('/', "-"), words(&page));
    }
    let over = house.get(&format!("/verify/{}", "A".repeat(43)), &Proof::None).await;
    insta::assert_snapshot!("link-over", words(&crate::house::body(over).await));
    let operator = house.operator("op@x.test").await;
    let cookie = house.session(operator).await;
    house.allow("dana@x.test").await;
    let page = without_tabs(house.text("/op/allow-list", &cookie).await);
    insta::assert_snapshot!("op-allow-list", words(&page));
}

/// ASVS 5.0: 1.1.1.
#[tokio::test]
async fn filters_live_in_the_address() {
    let (house, proof) = house().await;
    let count = |html: &str| html.matches("class=\"frow\"").count();
    for (query, expect) in [
        ("", 6),
        ("?q=east", 2),
        ("?q=2311-HALLB", 1),
        ("?state=bat", 1),
        ("?state=off", 2),
        ("?site=stb", 6),
        ("?site=nowhere", 0),
        ("?q=east&state=bat", 1),
        ("?state=nonsense&sort=nonsense&page=99", 6),
        ("?q=%22%3E%3Cscript%3E", 0),
    ] {
        let page = house.text(&format!("/fleet{query}"), &proof).await;
        assert_eq!(count(&page), expect, "{query}");
        assert!(!page.contains("<script>"));
    }
    let by_name = words(&house.text("/fleet?sort=name", &proof).await);
    let place = |name: &str| by_name.rfind(name).unwrap();
    assert!(place("Annex") < place("East Tower Level 2") && place("Hall B") < place("Loading Dock"));
}

#[tokio::test]
async fn more_than_a_hundred_are_shown_fifty_at_a_time() {
    let house = House::new().await;
    let account = house.account("a@x.test").await;
    for at in 0..101 {
        let key = house.inverter(&format!("i{at:03}"), &format!("Inverter {at:03}")).await;
        house.grant(account, key, Role::ReadOnly).await;
    }
    let proof = house.session(account).await;
    for (page, expect) in [(1, 50), (2, 50), (3, 1)] {
        let html = house.text(&format!("/fleet?page={page}"), &proof).await;
        assert_eq!(html.matches("class=\"frow\"").count(), expect, "page {page}");
        assert!(html.contains(&format!("Page {page} of 3")));
        assert!(html.contains("of 101"), "the answer counts all");
    }
}

/// ASVS 5.0: 1.2.3, 3.7.1, 14.2.3.
#[tokio::test]
async fn nothing_is_inline_and_nothing_comes_from_elsewhere() {
    let (house, proof) = house().await;
    for path in ["/fleet", "/inverters/level2", "/inverters/level7/history.html", "/sign-in"] {
        let who = if path == "/sign-in" { &Proof::None } else { &proof };
        let html = house.text(path, who).await;
        for forbidden in
            [" style=", "<style", "<script>", " onclick=", " onload=", "javascript:", "http://", "//cdn"]
        {
            assert!(!html.contains(forbidden), "{forbidden} in {path}");
        }
        let elsewhere = html.find("https://").map(|at| html[at..].split('"').next());
        assert_eq!(elsewhere, None, "{path} names another place");
        for (at, _) in html.match_indices("<script") {
            assert!(html[at..].starts_with("<script type=\"module\" src=\"/assets/"), "{path}");
        }
        assert!(html.starts_with("<!doctype html>"), "{path}");
        assert_eq!(html.matches("<h1").count(), 1, "one heading of {path}");
    }
}

/// ASVS 5.0: 1.1.2, 1.2.1, 3.2.2.
#[tokio::test]
async fn names_from_people_and_devices_stay_text() {
    let house = House::new().await;
    let account = house.account("a@x.test").await;
    let key = house.inverter("x", "<img src=x onerror=alert(1)>\"'&").await;
    house.grant(account, key, Role::ReadWrite).await;
    let mut odd = sample(104);
    odd.push_unknown("<script>alert(2)</script>");
    house.read(key, house.now(), odd);
    let proof = house.session(account).await;
    for path in ["/fleet", "/inverters/x", "/inverters/x/history.html"] {
        let html = house.text(path, &proof).await;
        assert!(!html.contains("<img") && !html.contains("<script>"), "{path}");
        assert!(html.contains("&#60;img") || html.contains("&lt;img"), "{path}");
    }
}

#[tokio::test]
async fn the_table_says_where_nothing_is() {
    let (house, proof) = house().await;
    let key = house.inverter("gap", "Gap").await;
    let account = house.account("b@x.test").await;
    house.grant(account, key, Role::ReadOnly).await;
    for at in (0..360).filter(|at| !(100..200).contains(at)) {
        house.read(key, house.now().plus_ms((at - 360) * 10_000), sample(104));
    }
    let reader = house.session(account).await;
    let table = words(&house.text("/inverters/gap/history.html?range=1h", &reader).await);
    assert!(table.contains("No data for 16 min"), "{table}");
    assert!(table.contains("136.42"));
    let empty = words(&house.text("/inverters/fresh/history.html", &proof).await);
    assert!(empty.contains("No data") || empty.contains("No readings in this span"), "{empty}");
    let wrong = house.get("/inverters/gap?range=9y", &reader).await;
    assert_eq!(wrong.status(), StatusCode::BAD_REQUEST);
}
