//! What navigation properties lead to: `$expand` (OData 4.01 URL conventions, section 5.1.3).
//!
//! Defender says of it only what its metadata declares (API specification, section 4). What is expanded needs the
//! permission of its own route.

use kbgap_catalog::SoftwareId;
use kbgap_identity::Permission;
use kbgap_odata::{Expand, Expander, NoExpansion, expand_many, expand_one};

use super::caller::Authenticated;
use super::model::{Machine, Model, Recommendation, Software};
use super::views::Views;
use super::{recommendations, vulnerabilities};
use crate::envelope::ApiError;

/// Gives what rows of a type lead to.
pub(crate) trait Leads<T>: Expander<T> {
    /// Whether the caller may see all that is asked for.
    fn permit(&self, expand: &[Expand]) -> Result<(), ApiError>;
}

/// Rows of a type that leads nowhere.
impl<T> Leads<T> for NoExpansion {
    fn permit(&self, _: &[Expand]) -> Result<(), ApiError> {
        Ok(())
    }
}

/// Rows that lead to others of the same machines.
pub(crate) struct Expansions<'a> {
    pub(crate) caller: &'a Authenticated,
    pub(crate) views: &'a Views,
    pub(crate) model: &'a Model,
}

const VULNERABILITIES: &str = "vulnerabilities";
const RECOMMENDATIONS: &str = "recommendations";

impl<T> Leads<T> for Expansions<'_>
where
    Self: Expander<T>,
{
    fn permit(&self, expand: &[Expand]) -> Result<(), ApiError> {
        self.permit_all(expand)
    }
}

impl Expansions<'_> {
    /// Whatever the rows are: what is expanded, and what of that.
    fn permit_all(&self, expand: &[Expand]) -> Result<(), ApiError> {
        for expand in expand {
            let any_of: &[Permission] = match &*expand.navigation.name {
                VULNERABILITIES => &[Permission::VulnerabilityRead],
                RECOMMENDATIONS => &[Permission::SecurityRecommendationRead],
                _ => &[Permission::SoftwareRead],
            };
            self.caller.permit(any_of)?;
            self.permit_all(&expand.query.expand)?;
        }
        Ok(())
    }

    fn vulnerabilities(
        &self,
        open: impl IntoIterator<Item = kbgap_catalog::VulnerabilityIx>,
        expand: &Expand,
        out: &mut Vec<u8>,
    ) {
        let open = open.into_iter();
        let rows = open.map(|at| vulnerabilities::row(self.views, at));
        let entity = &self.model.vulnerability_dto;
        expand_many(out, entity, expand, rows, &NoExpansion);
    }

    /// What is open on any machine in a software.
    fn open_in(&self, software: &SoftwareId, expand: &Expand, out: &mut Vec<u8>) {
        let exposures = self.views.exposures();
        let found = exposures.software().get(software);
        let open = found.map(|found| &*found.open).unwrap_or_default();
        self.vulnerabilities(open.iter().copied(), expand, out);
    }
}

impl Expander<Machine> for Expansions<'_> {
    fn expand(&self, row: &Machine, expand: &Expand, out: &mut Vec<u8>) {
        let Some(on) = self.views.machines.on_machine(&row.id) else {
            out.extend_from_slice(b"[]");
            return;
        };
        match &*expand.navigation.name {
            VULNERABILITIES => {
                let open = on.vulnerabilities();
                let open: std::collections::BTreeSet<_> =
                    open.iter().map(|open| open.vulnerability).collect();
                self.vulnerabilities(open, expand, out);
            }
            RECOMMENDATIONS => {
                let rows = recommendations::on_machine(self.views, &on);
                expand_many(out, &self.model.recommendation, expand, rows, self);
            }
            _ => {
                let mut installed = on.installed();
                installed.dedup_by_key(|installed| installed.software);
                let rows = installed.iter();
                let rows = rows.filter_map(|installed| self.views.software_of(installed.software));
                expand_many(out, &self.model.software, expand, rows, self);
            }
        }
    }
}

impl Expander<Software> for Expansions<'_> {
    fn expand(&self, row: &Software, expand: &Expand, out: &mut Vec<u8>) {
        self.open_in(&SoftwareId::from_client(&row.product.id), expand, out);
    }
}

impl Expander<Recommendation> for Expansions<'_> {
    fn expand(&self, row: &Recommendation, expand: &Expand, out: &mut Vec<u8>) {
        let software = recommendations::about(&row.id);
        match (&*expand.navigation.name, software) {
            (_, None) => out.extend_from_slice(b"null"),
            (VULNERABILITIES, Some(software)) => self.open_in(&software, expand, out),
            (_, Some(software)) => {
                let row = self.views.software_of(&software);
                let row = row.as_ref().map(|row| &row.product);
                expand_one(out, &self.model.product, expand, row, &NoExpansion);
            }
        }
    }
}
