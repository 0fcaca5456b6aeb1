//! Many old rows deleted some at a time.
//!
//! In: a table's column of time, an instant. Out: what is older is gone. Each piece is a transaction of its own, and three times
//! as long as it took nothing is done after it: all that is deleted is overwritten, and devices wait for the same disk.

use std::time::{Duration, Instant};

use sea_orm::{
    ColumnTrait, Condition, DatabaseConnection, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};
use wire::UtcMs;

/// Rows of a piece, where they are of different instants; the column of time must lead an index.
pub(super) const AT_ONCE: u64 = 250;
/// So many times as long as a piece took nothing is deleted.
const RESTS: u32 = 3;
/// Left after a piece at the least and at the most.
const REST: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(500));

/// Deletes rows of which `at` is before `before` and that are like `only`. How many.
pub(super) async fn delete<E: EntityTrait>(
    connection: &DatabaseConnection,
    at: E::Column,
    before: UtcMs,
    only: Condition,
) -> Result<u64, DbErr> {
    let old = |through: Option<i64>| {
        let whole = Condition::all().add(at.lt(before.0)).add(only.clone());
        whole.add_option(through.map(|through| at.lte(through)))
    };
    let mut gone = 0;
    loop {
        let began = Instant::now();
        let last = E::find()
            .select_only()
            .column(at)
            .filter(old(None))
            .order_by_asc(at)
            .offset(AT_ONCE - 1)
            .limit(1);
        let last: Option<i64> = last.into_tuple().one(connection).await?;
        gone += E::delete_many().filter(old(last)).exec(connection).await?.rows_affected;
        if last.is_none() {
            return Ok(gone);
        }
        rest(began).await;
    }
}

/// Rests after a piece that began at `began`.
pub(super) async fn rest(began: Instant) {
    tokio::time::sleep((began.elapsed() * RESTS).clamp(REST.0, REST.1)).await;
}
