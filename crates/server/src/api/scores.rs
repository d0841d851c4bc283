//! Scores: how exposed the organization and its device groups are (API specification, section 1e).

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use jiff::Timestamp;
use kbgap_identity::Permission;
use kbgap_odata::Content;
use kbgap_store::ScoreKind;

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

/// `GET /kbgap/v1/exposureScore/history`: the exposure score over time, of all machines or of a device group.
pub(crate) async fn history(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    ask: Ask,
) -> Result<Response, ApiError> {
    let tenant = caller.tenant(&service, SCORE)?;
    let entity = &service.model.score;
    let query = ask.query(&service.model.schema, entity, PAGE)?;
    let time = |name: &str, missing: Timestamp| match query.custom(name) {
        None => Ok(missing),
        Some(text) => {
            let time = text.trim().parse();
            time.map_err(|_| ApiError::invalid("InvalidInput", name, text))
        }
    };
    let when = time("since", Timestamp::MIN)?..time("until", Timestamp::MAX)?;
    let group = query.custom("group");
    if let Some(seen) = caller.groups_seen()
        && !group.is_some_and(|name| seen.contains(name))
    {
        return Err(ApiError::sees_too_little());
    }
    let kept = service
        .store
        .scores(tenant.id(), ScoreKind::Exposure, group, when);
    let kept = kept.await?;
    let machines = tenant.fleet().snapshot();
    let group = group.map(Arc::from);
    let group = group.map(|name| machine_references::named(&machines, Some(&name)));
    let rows = kept.into_iter().map(|kept| Score {
        time: kept.at,
        points: kept.score,
        group_name: group.as_ref().and_then(|group| group.name.clone()),
        group_id: group.as_ref().map(|group| i64::from(group.id)),
    });
    let rows: Vec<Score> = rows.collect();
    let named = Named::set("ExposureScore");
    respond::rows(&ask, &service.model, entity, &named, PAGE, &*rows)
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
