//! The operator's pages.
//!
//! In: an [`crate::operator::Operator`]. Out: the allow-list, devices, accounts, the audit log, how the service is. Never
//! shows a customer's telemetry or what a customer calls things.

pub mod allow_add;
pub mod allow_list;
pub mod allow_remove;
pub mod audit;
pub mod audit_verify;
