//! Versions of the schema, oldest first, one file each.
//!
//! In: a database of any earlier version. Out: the newest. A migration that was released is never edited; a change
//! is a new one. Each is one transaction, so a start that is cut, or finds the disk full, leaves an earlier version whole.

mod first;
mod m0002_audit;
mod m0003_mail;
mod m0004_registration;
mod m0005_factors;
mod m0006_organizations;
mod m0007_pairing;
mod m0008_devices;
mod m0009_alarms;
mod m0010_incidents;
mod m0011_channels;
mod m0012_ladders;
mod m0013_calendar;
mod m0014_deliveries;
mod m0015_severities;
mod m0016_retention;
mod m0017_lending;
mod m0018_records;
mod m0019_logbook;
mod m0020_test_notes;
mod m0021_logbook_filling;
mod m0022_events_by_inverter;
mod m0023_logbooks_given_up;

#[cfg(test)]
mod tests;

use sea_orm_migration::prelude::*;

/// Brings a database up to date.
pub(super) struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            whole(first::First),
            whole(m0002_audit::Audit),
            whole(m0003_mail::Mail),
            whole(m0004_registration::Registration),
            whole(m0005_factors::Factors),
            whole(m0006_organizations::Organizations),
            whole(m0007_pairing::Pairing),
            whole(m0008_devices::Devices),
            whole(m0009_alarms::Alarms),
            whole(m0010_incidents::Incidents),
            whole(m0011_channels::Channels),
            whole(m0012_ladders::Ladders),
            whole(m0013_calendar::Calendar),
            whole(m0014_deliveries::Deliveries),
            whole(m0015_severities::Severities),
            whole(m0016_retention::Retention),
            whole(m0017_lending::Lending),
            whole(m0018_records::Records),
            whole(m0019_logbook::Logbook),
            whole(m0020_test_notes::TestNotes),
            whole(m0021_logbook_filling::LogbookFilling),
            whole(m0022_events_by_inverter::EventsByInverter),
            whole(m0023_logbooks_given_up::LogbooksGivenUp),
        ]
    }
}

/// A change that is there with all it does, and noted, or not at all: SQLite's are not of themselves.
struct Whole<M>(M);

fn whole(migration: impl MigrationTrait + 'static) -> Box<dyn MigrationTrait> {
    Box::new(Whole(migration))
}

impl<M: MigrationName> MigrationName for Whole<M> {
    fn name(&self) -> &str {
        self.0.name()
    }
}

#[async_trait::async_trait]
impl<M: MigrationTrait> MigrationTrait for Whole<M> {
    #[expect(elided_lifetimes_in_paths, reason = "the trait's macro only matches the signature without one")]
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        self.0.up(manager).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

/// Whether a version of the schema, by its newest change, is this one or an earlier one.
pub(crate) fn knows_schema(newest: &str) -> bool {
    Migrator::migrations().iter().any(|migration| migration.name() == newest)
}

fn table(name: &'static str) -> TableCreateStatement {
    Table::create().table(name).take()
}

fn reference(
    table: &'static str,
    column: &'static str,
    to: &'static str,
    deleted: ForeignKeyAction,
) -> ForeignKeyCreateStatement {
    ForeignKey::create().from(table, column).to(to, "id").on_delete(deleted).take()
}
