//! What is taken away is gone at once: on the next request, and within a second on pages that are open.

use std::time::{Duration, Instant};

use fleet::audit::Verb;
use fleet::{AccountKey, InverterKey, MemberRole, OrganizationKey, Role};
use http::StatusCode;

use crate::house::{House, sample};
use crate::live::Stream;

struct Scene {
    house: House,
    inverter: InverterKey,
    club: OrganizationKey,
    /// Sees by the club.
    member: AccountKey,
    /// Sees by a grant of their own.
    guest: AccountKey,
}

async fn scene() -> Scene {
    let house = House::new().await;
    let inverter = house.inverter("mine", "East Tower").await;
    house.read(inverter, house.now(), sample(104));
    let club = house.club().await;
    house.grant(club, inverter, Role::ReadWrite).await;
    let (owner, member, guest) = (
        house.account("owner@x.test").await,
        house.account("member@x.test").await,
        house.account("guest@x.test").await,
    );
    house.grant(owner, inverter, Role::ReadWrite).await;
    house.member(club, owner, MemberRole::Owner).await;
    house.member(club, member, MemberRole::Member).await;
    house.grant(guest, inverter, Role::ReadOnly).await;
    Scene { house, inverter, club, member, guest }
}

/// An open page of the inverter and one of the fleet; `take` takes the access away; both say nothing more within a
/// second, and the next request finds nothing.
async fn check<F: Future<Output = ()>>(scene: &Scene, who: AccountKey, take: impl FnOnce() -> F) {
    let house = &scene.house;
    let proof = house.session(who).await;
    let mut page = Stream::open(house, "/live/inverters/mine", &proof).await;
    page.until("fragment", "id=\"i-hero\"").await;
    let mut list = Stream::open(house, "/live/fleet", &proof).await;
    list.until("fragment", "East Tower").await;
    take().await;
    let taken = Instant::now();
    assert_ne!(house.get("/inverters/mine", &proof).await.status(), StatusCode::OK, "the next request");
    assert_eq!(page.rest().await.last().map(|(event, _)| event.as_str()), Some("signed-out"));
    let ended = taken.elapsed();
    assert!(ended < Duration::from_secs(1), "{ended:?}");
    // The list goes on without it, or ends with the account.
    loop {
        match list.event().await {
            None => break,
            Some((event, _)) if event == "signed-out" => break,
            Some((event, data)) if event == "fragment" && data.contains("id=\"list\"") => {
                assert!(!data.contains("East Tower"), "{data}");
                break;
            }
            Some(_) => {}
        }
    }
    assert!(taken.elapsed() < Duration::from_secs(1), "{:?}", taken.elapsed());
}

#[tokio::test]
async fn a_grant_of_ones_own_that_is_removed() {
    let scene = scene().await;
    check(&scene, scene.guest, || scene.house.ungrant(scene.guest, scene.inverter)).await;
}

#[tokio::test]
async fn a_grant_whose_last_day_is_over() {
    let scene = scene().await;
    let house = &scene.house;
    house.grant_until(scene.guest, scene.inverter, Role::ReadOnly, Some(house.now().plus_ms(60_000))).await;
    check(&scene, scene.guest, || async { scene.house.wait(60_000) }).await;
}

#[tokio::test]
async fn a_membership_that_is_removed() {
    let scene = scene().await;
    let act = scene.house.act(Verb::MemberRemove);
    let take =
        || async { assert!(scene.house.state.remove_member(scene.club, scene.member, &act).await.unwrap()) };
    check(&scene, scene.member, take).await;
}

#[tokio::test]
async fn an_organizations_grant_that_is_removed() {
    let scene = scene().await;
    check(&scene, scene.member, || scene.house.ungrant(scene.club, scene.inverter)).await;
}

#[tokio::test]
async fn an_organizations_grant_whose_last_day_is_over() {
    let scene = scene().await;
    let house = &scene.house;
    house.grant_until(scene.club, scene.inverter, Role::ReadWrite, Some(house.now().plus_ms(60_000))).await;
    check(&scene, scene.member, || async { scene.house.wait(60_000) }).await;
}

#[tokio::test]
async fn an_organization_that_is_deleted() {
    let scene = scene().await;
    let act = scene.house.act(Verb::OrganizationDelete);
    let take = || async { scene.house.state.delete_organization(scene.club, &act).await.unwrap() };
    check(&scene, scene.member, take).await;
}

#[tokio::test]
async fn an_account_that_is_disabled() {
    let scene = scene().await;
    let act = scene.house.act(Verb::AccountDisable);
    let take = || async {
        scene.house.state.set_account_disabled(scene.guest, true, &act).await.unwrap();
    };
    check(&scene, scene.guest, take).await;
}

#[tokio::test]
async fn an_inverter_that_is_removed_for_everybody() {
    let scene = scene().await;
    let act = scene.house.act(Verb::InverterRemove).on_inverter(scene.inverter);
    let take = || async {
        scene.house.state.give_up_inverter(scene.inverter, "anew", &act, &[]).await.unwrap();
    };
    check(&scene, scene.member, take).await;
}

/// ASVS 5.0: 8.3.1.
#[tokio::test]
async fn a_member_who_becomes_a_viewer_loses_the_controls_at_once() {
    let scene = scene().await;
    let house = &scene.house;
    let proof = house.session(scene.member).await;
    assert_eq!(house.get("/inverters/mine/settings", &proof).await.status(), StatusCode::OK);
    house.member(scene.club, scene.member, MemberRole::Viewer).await;
    assert_eq!(house.get("/inverters/mine/settings", &proof).await.status(), StatusCode::FORBIDDEN);
    assert!(house.text("/inverters/mine", &proof).await.contains("View only"));
}
