//! Indexes by which messages are lent.

use sea_orm_migration::prelude::*;

/// Messages that wait, with all that lending asks of them, and messages in somebody's hands.
pub(super) struct Lending;

impl MigrationName for Lending {
    fn name(&self) -> &'static str {
        "m0017_lending"
    }
}

/// A row's bodies stand before these columns: without them in the index each look reads through the letters of all that wait.
const ASKED: [&str; 9] = [
    "channel",
    "state",
    "due_at",
    "expires_at",
    "lease_until",
    "incident_id",
    "account_id",
    "attempts",
    "kind",
];

#[async_trait::async_trait]
impl MigrationTrait for Lending {
    #[expect(elided_lifetimes_in_paths, reason = "the trait's macro only matches the signature without one")]
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_index(Index::drop().name("outbox_due").table("outbox").to_owned()).await?;
        // Of a month's messages next to none waits, and fewer are lent: neither index holds the others.
        let mut waiting = Index::create();
        waiting.name("outbox_waiting").table("outbox");
        for column in ASKED {
            waiting.col(column);
        }
        manager.create_index(waiting.and_where(Expr::col("state").eq(Expr::cust("'queued'"))).take()).await?;
        let mut lent = Index::create();
        lent.name("outbox_lent").table("outbox").col("lease");
        manager.create_index(lent.and_where(Expr::col("lease").is_not_null()).take()).await
    }
}
