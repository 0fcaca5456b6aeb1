//! How much conditions matter to an organization: said by who may manage, bounded, and in the log.

use fleet::audit::Verb;
use fleet::condition::Severity;
use fleet::{Condition, MemberRole};
use http::{Method, StatusCode};

use crate::house::{CLUB, House, ORIGIN, Proof, body};

fn page() -> String {
    format!("/organizations/{CLUB}/severities")
}

/// Every field of the page as it is, but one.
fn form(page: &str, name: &str, value: &str) -> String {
    let mut pairs = Vec::new();
    for select in page.split("<select ").skip(1) {
        let field = select.split("name=\"").nth(1).unwrap().split('"').next().unwrap();
        let chosen =
            select.split("</select>").next().unwrap().split("<option ").find(|o| o.contains(" selected"));
        let chosen = chosen.unwrap().split("value=\"").nth(1).unwrap().split('"').next().unwrap();
        pairs.push(format!("{field}={}", if field == name { value } else { chosen }));
    }
    assert!(pairs.len() > 25, "a line for each condition: {}", pairs.len());
    pairs.join("&")
}

async fn send(house: &House, proof: &Proof, form: &str) -> (StatusCode, String) {
    let response = house.send(Method::POST, &page(), proof, &[("origin", ORIGIN)], form).await;
    (response.status(), body(response).await)
}

#[tokio::test]
async fn who_manages_says_it_and_who_only_looks_does_not_see_it() {
    let house = House::new().await;
    let club = house.club().await;
    let (dana, luis) = (house.account("dana@x.test").await, house.account("luis@x.test").await);
    house.member(club, dana, MemberRole::Member).await;
    house.member(club, luis, MemberRole::Viewer).await;
    let (dana, luis) = (house.session(dana).await, house.session(luis).await);
    assert_eq!(house.get(&page(), &luis).await.status(), StatusCode::FORBIDDEN);
    let shown = house.text(&page(), &dana).await;
    assert!(!shown.contains("Changed here") && shown.contains("High cabinet temperature"), "{shown}");
    let organization = house.text(&format!("/organizations/{CLUB}"), &dana).await;
    assert!(organization.contains(&page()), "the organization's page leads there");
    assert!(!house.text(&format!("/organizations/{CLUB}"), &luis).await.contains(&page()));
    let critical = form(&shown, "ambient.high", "critical");
    assert_eq!(send(&house, &luis, &critical).await.0, StatusCode::FORBIDDEN);
    assert_eq!(send(&house, &dana, &critical).await.0, StatusCode::SEE_OTHER);
    let said = house.state.severities(club).await.unwrap();
    assert_eq!(said.iter().collect::<Vec<_>>(), [(Condition::AMBIENT_HIGH, Severity::Critical)]);
    let shown = house.text(&page(), &dana).await;
    assert_eq!(shown.matches("Changed here").count(), 1);
    // What puts the lights at risk is never mere information, whatever is sent.
    let (status, refused) = send(&house, &dana, &form(&shown, "utility.lost", "info")).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(refused.contains("a warning at least"), "{refused}");
    assert!(
        !shown
            .split("name=\"utility.lost\"")
            .nth(1)
            .unwrap()
            .split("</select>")
            .next()
            .unwrap()
            .contains("info")
    );
    assert_eq!(house.state.severities(club).await.unwrap(), said);
    // Once more the same is no change, and no row of the log.
    assert_eq!(send(&house, &dana, &form(&shown, "", "")).await.0, StatusCode::SEE_OTHER);
    let log = house.text("/me/activity", &dana).await;
    let sentence = "changed how much conditions matter to";
    assert_eq!(log.matches(sentence).count(), 1, "{log}");
    assert!(log.contains("ambient.high: Critical"), "{log}");
    assert!(Verb::OrganizationSeverity.row().sentence.starts_with(sentence));
}
