//! The access policy of Cubegate: pure functions from objects to decisions.
//!
//! ```text
//! operator, `cubegate up`          sidecar                          engine
//!
//! four kinds ──compile──▶ Snapshot ──▶ door ──resolve(identity, moment)──▶ rights
//!                            │                                               │
//!                            └──────▶ access ──bind(model)──▶ BoundAccess ──visibility(cube, rights)──▶ visible rows
//! ```
//!
//! | module          | in one sentence                                                                            |
//! |-----------------|--------------------------------------------------------------------------------------------|
//! | [`compile`]     | Session, Roles, Restrictions and TechnicalUsers become one [`snapshot::Snapshot`], and every mistake in them a [`compile::Problem`]. |
//! | [`publication`] | How a snapshot travels: canonical bytes, their digest, a revision that only grows.         |
//! | [`attributes`]  | What restrictions may ask of a caller, and how it travels to the engine.                   |
//! | [`claims`]      | What a provider says of a user: a name, and the provider's own roles.                      |
//! | [`resolve`]     | An identity becomes roles, or a [`resolve::Refusal`].                                      |
//! | [`rights`]      | What a caller may, and how it travels to the engine.                                       |
//! | [`explain`]     | Why a caller has their roles, and what those restrict, with the objects that say so.        |
//! | [`bind`]        | Clauses meet the columns, hierarchies and joins of a loaded model; roles become a [`bind::Visibility`]. |
//! | [`cut`]         | A restriction of a hierarchy as one line of text.                                          |
//! | [`day`]         | Days that move with the day on which they are asked for.                                  |
//! | [`cubes`]       | Which cubes the holders of roles may see.                                                  |
//! | [`validity`]    | From when until when a role or a user is valid.                                            |
//! | [`password`]    | What a TechnicalUser proves its identity with.                                             |
//! | [`nearest`]     | “Did you mean”.                                                                            |
//!
//! # What holds everywhere in here
//!
//! - **No network, clock, environment or randomness.** Whoever calls looks Secrets up, brings salts and says what time it is.
//!   The same objects give the same bytes on every machine, in whatever order they come.
//! - **Nothing that cannot be compiled is treated as absent.** It is carried as broken
//!   ([`snapshot::Checked`], [`snapshot::DoorRole::broken`]), and whoever holds it is refused, whatever else
//!   they hold. Nobody else notices.
//! - **Refused twice.** The door refuses the holder of a broken role, and so does the engine if the door should
//!   not: [`bind::BoundAccess::visibility`] checks brokenness and the gate again, and an empty set of roles never
//!   reads as “nothing is restricted”.
//! - **Provider roles stay at the door.** They are mapped to roles and never travel to the engine.
//! - **Reasons are for logs and status.** A [`resolve::Refusal`] says what is wrong with which object; what the
//!   caller gets to see is a status code, and that is decided at the edge.

pub mod attributes;
pub mod bind;
pub mod claims;
pub mod compile;
pub mod context;
pub mod cubes;
pub mod cut;
pub mod day;
pub mod explain;
pub mod limits;
pub mod nearest;
pub mod password;
pub mod publication;
pub mod resolve;
pub mod rights;
pub mod snapshot;
pub mod validity;
