//! The page of a power loss: what was said and what held, for who may see the inverter, for thirty days.

use fleet::record::{Outage, Predicted};
use fleet::{Record, Role};
use http::StatusCode;
use store::state::RecordRow;
use wire::time::DAY_MS;

use crate::house::{House, body, outage, sample};

#[tokio::test]
async fn the_story_is_told_to_who_may_see_the_inverter_and_for_thirty_days() {
    let house = House::new().await;
    let (dana, mei) = (house.account("dana@x.test").await, house.account("mei@x.test").await);
    let hall = house.inverter("hallb", "Hall <B>").await;
    house.grant(dana, hall, Role::ReadOnly).await;
    let (dana, mei) = (house.session(dana).await, house.session(mei).await);
    let began = house.now().plus_ms(-3 * 3_600_000);
    house.read(hall, began, outage(100));
    house.read(hall, began.plus_ms(3_600_000), sample(104));
    let record = Record::Outage(Outage {
        started: began,
        length_s: 3_600.0,
        gave_up: true,
        lowest_v: Some(110.4),
        load: None,
        predicted: Some(Predicted { runtime_s: 7_080.0, low_s: 6_500.0, high_s: 7_600.0 }),
        recharged: None,
        contact_lost: true,
        end_unseen: false,
    });
    let row = RecordRow { inverter: hall, told_at: record.ended(), record };
    house.state.commit_records(&[row]).await.unwrap();
    let path = format!("/inverters/hallb/outages/{}", began.0);
    let page = house.text(&path, &dana).await;
    for words in [
        "The battery gave up after 60\u{a0}min",
        "Hall &#60;B&#62;",
        "110.4\u{a0}V",
        "less than that. Do not rely on this battery",
        "Contact was lost during it",
        "/inverters/hallb/history.html?from=",
    ] {
        assert!(page.contains(words), "{words:?} is not in {page}");
    }
    assert_eq!(house.get(&path, &mei).await.status(), StatusCode::NOT_FOUND);
    for other in ["0", "x", "99999999999999999999", &format!("{}", began.0 + 1)] {
        let other = house.get(&format!("/inverters/hallb/outages/{other}"), &dana).await;
        assert_eq!(other.status(), StatusCode::NOT_FOUND, "{}", body(other).await);
    }
    house.wait(30 * DAY_MS);
    let still = house.state.record(hall, &format!("outage/{}", began.0)).await.unwrap();
    assert!(still.is_some(), "nobody swept");
    assert_ne!(house.get(&path, &dana).await.status(), StatusCode::OK);
}
