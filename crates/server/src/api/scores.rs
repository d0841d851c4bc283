//! Scores: how exposed the organization and its device groups are (API specification, section 1e).

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use jiff::Timestamp;
use kbgap_identity::Permission;
use kbgap_odata::Content;

use super::ask::Ask;
use super::caller::Authenticated;
use super::machine_references;
use super::model::Score;
use super::respond::{self, Named, PAGE};
use crate::envelope::ApiError;
use crate::service::Service;

const SCORE: &[Permission] = &[Permission::ScoreRead];

/// `GET /api/exposureScore`
pub(crate) async fn exposure(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    ask: Ask,
) -> Result<Response, ApiError> {
    let views = caller.views(&service, SCORE)?;
    respond::in_background(move || {
        let row = Score {
            time: Timestamp::now(),
            points: views.scores().all,
            ..Score::default()
        };
        let content = Content::Entity("ExposureScore");
        respond::one(&ask, &service.model, &service.model.score, content, &row)
    })
    .await
}

/// `GET /api/exposureScore/ByMachineGroups`
pub(crate) async fn by_groups(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    ask: Ask,
) -> Result<Response, ApiError> {
    let views = caller.views(&service, SCORE)?;
    respond::in_background(move || {
        let time = Timestamp::now();
        let scores = views.scores();
        let rows = scores.groups.iter().map(|(group, score)| {
            let group = machine_references::named(&views.machines, group.as_ref());
            Score {
                time,
                points: *score,
                group_name: group.name,
                group_id: Some(i64::from(group.id)),
            }
        });
        let rows: Vec<Score> = rows.collect();
        let model = &service.model;
        respond::rows(
            &ask,
            model,
            &model.score,
            &Named::set("ExposureScore"),
            PAGE,
            &*rows,
        )
    })
    .await
}

/// `GET /api/configurationScore`: no secure configuration is collected, so nothing of it is achieved.
pub(crate) async fn configuration(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    ask: Ask,
) -> Result<Response, ApiError> {
    caller.views(&service, SCORE)?;
    let row = Score {
        time: Timestamp::now(),
        ..Score::default()
    };
    let content = Content::Entity("ConfigurationScore");
    respond::one(&ask, &service.model, &service.model.score, content, &row)
}
