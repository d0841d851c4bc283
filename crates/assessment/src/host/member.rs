//! The updates of one Windows product: gathered from documents and release history, each on its line.

use std::collections::BTreeMap;

use kbgap_catalog::{
    Catalog, Component, Day, DocumentIx, Fix, FixTarget, Kb, ProductIdentity, ProductIx, Series,
    UpdateIx, WindowsBuild, WindowsProduct,
};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::evidence::FactSource;
use crate::line::Line;

/// A position in [`super::Host::members`].
pub(crate) type MemberIx = usize;

/// An update of a host, or the package of one for one version of the .NET Framework.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    /// The number it is listed under once installed.
    pub(crate) kb: Kb,
    /// The update; `None` where only the release history knows it.
    pub(crate) update: Option<UpdateIx>,
    pub(crate) line: Line,
    /// The day it was published, as far as it agrees with the order of revisions.
    pub(crate) released: Option<Day>,
    /// The revision it raises the host's build to.
    pub(crate) revision: Option<Revision>,
    /// It is stated as a cumulative update of this Windows, but states no build of it, and its release history
    /// does not have it: another release's, most likely.
    pub(crate) other_release: bool,
    /// Its place in the release history, where it is listed there.
    pub(crate) listed_at: Option<usize>,
    /// The products of this host it fixes, in order.
    pub(crate) products: Vec<ProductIx>,
    /// The documents that state it as a fix here, in order.
    pub(crate) documents: Vec<DocumentIx>,
    /// Its place among all members; later is higher.
    pub(crate) order: usize,
    /// It states a build that is not the running Windows': the recovery image's, say. Neither the
    /// machine's build nor its list of updates tells of such an update.
    pub(crate) other_image: bool,
    /// It installs under other numbers, which no document states.
    pub(crate) numbers_unknown: bool,
}

/// A revision of the host's build, and where it is stated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Revision {
    pub(crate) ubr: u32,
    pub(crate) source: FactSource,
}

/// What is gathered of a member before its revision is settled.
pub(super) struct Draft {
    pub(super) member: Member,
    /// The builds that documents state for it, each with the first document that does.
    pub(super) builds: Vec<(WindowsBuild, DocumentIx)>,
    /// Its place in the release history, and the revision there.
    pub(super) history: Option<(usize, Option<u32>)>,
}

/// Which member a fix leads to: by update, number and, for the .NET Framework, product.
///
/// A rollup of the .NET Framework is as many members as it fixes products, for each may be present
/// without the others. One that fixes the operating system too is one, whatever else it fixes.
pub(super) type Key = (Kb, Option<UpdateIx>, Option<ProductIx>);

/// The members of a host, and by which key each is found.
pub(super) struct Gathered {
    pub(super) drafts: Vec<Draft>,
    pub(super) by_key: FxHashMap<Key, MemberIx>,
    /// The updates that fix the operating system itself.
    os: FxHashSet<UpdateIx>,
}

impl Gathered {
    pub(super) fn new(catalog: &Catalog, products: &[ProductIx], windows: &WindowsProduct) -> Self {
        let os = products
            .iter()
            .filter(|&&at| is_windows(catalog, at))
            .flat_map(|&at| fixes(catalog, at))
            .filter_map(Fix::update)
            .collect();
        let mut gathered = Self {
            drafts: Vec::new(),
            by_key: FxHashMap::default(),
            os,
        };
        let mut drafts: BTreeMap<Key, Draft> = BTreeMap::new();
        for &product in products {
            for fix in fixes(catalog, product) {
                gathered.take(catalog, windows, product, fix, &mut drafts);
            }
        }
        add_history(catalog, windows, &mut drafts);
        for (at, (key, mut draft)) in drafts.into_iter().enumerate() {
            let member = &mut draft.member;
            member.products.sort_unstable();
            member.products.dedup();
            member.documents.sort_unstable();
            member.documents.dedup();
            gathered.by_key.insert(key, at);
            gathered.drafts.push(draft);
        }
        gathered
    }

    /// The key of a fix on a product; `None` where it has no KB.
    pub(super) fn key(&self, catalog: &Catalog, product: ProductIx, fix: &Fix) -> Option<Key> {
        let FixTarget::Update(update) = fix.target else {
            return None;
        };
        let number = fix.package.unwrap_or(catalog.update(update).kb);
        let alone = is_dot_net(catalog, product) && !self.os.contains(&update);
        Some((number, Some(update), alone.then_some(product)))
    }

    fn take(
        &self,
        catalog: &Catalog,
        windows: &WindowsProduct,
        product: ProductIx,
        fix: &Fix,
        drafts: &mut BTreeMap<Key, Draft>,
    ) {
        let Some(key @ (number, Some(update), _)) = self.key(catalog, product, fix) else {
            return;
        };
        let identity = &catalog.product(product).identity;
        let line = Line::of(identity, &fix.sub_type, windows.family.is_cumulative());
        let draft = drafts.entry(key).or_insert_with(|| Draft {
            member: Member {
                kb: number,
                update: Some(update),
                line,
                released: Some(catalog.update(update).released),
                revision: None,
                other_release: false,
                listed_at: None,
                products: Vec::new(),
                documents: Vec::new(),
                order: 0,
                other_image: false,
                numbers_unknown: false,
            },
            builds: Vec::new(),
            history: None,
        });
        // The operating system's own row tells the line, whatever the components' rows say.
        let of_os = is_windows(catalog, product);
        if of_os == self.os.contains(&update) {
            let settled = draft
                .member
                .products
                .iter()
                .any(|&known| is_windows(catalog, known) == of_os);
            draft.member.line = if settled {
                draft.member.line.min(line)
            } else {
                line
            };
        }
        draft.member.products.push(product);
        draft.member.documents.push(fix.document);
        draft.member.numbers_unknown = key.2.is_some() && fix.package.is_none();
        for version in fix.fixed_build.iter().flat_map(|build| &build.versions) {
            let Some(build) = version.windows_build() else {
                continue;
            };
            if !draft.builds.iter().any(|(known, _)| *known == build) {
                draft.builds.push((build, fix.document));
            }
        }
    }
}

/// Adds what only the release history knows, and notes each member's place there.
fn add_history(catalog: &Catalog, windows: &WindowsProduct, drafts: &mut BTreeMap<Key, Draft>) {
    let line = if windows.family.is_cumulative() {
        Line::Cumulative
    } else {
        Line::PreviewRollup
    };
    let both = [
        (Series::Rollup, line),
        (Series::SecurityOnly, Line::SecurityOnly),
    ];
    for (series, line) in both {
        for (at, entry) in catalog.history(windows, series).iter().enumerate() {
            let place = Some((at, entry.revision));
            let known = drafts
                .range_mut((entry.kb, None, None)..)
                .take_while(|((kb, ..), _)| *kb == entry.kb);
            let mut found = false;
            for (_, draft) in known {
                draft.history = draft.history.or(place);
                draft.member.listed_at = draft.member.listed_at.or(Some(at));
                found = true;
            }
            if !found {
                let member = Member {
                    kb: entry.kb,
                    update: None,
                    line,
                    released: None,
                    revision: None,
                    other_release: false,
                    listed_at: Some(at),
                    products: Vec::new(),
                    documents: Vec::new(),
                    order: 0,
                    other_image: false,
                    numbers_unknown: false,
                };
                drafts.insert(
                    (entry.kb, None, None),
                    Draft {
                        member,
                        builds: Vec::new(),
                        history: place,
                    },
                );
            }
        }
    }
}

pub(super) fn fixes(catalog: &Catalog, product: ProductIx) -> impl Iterator<Item = &Fix> {
    catalog
        .product(product)
        .exposures
        .iter()
        .flat_map(|exposure| &exposure.fixes)
        .map(|&fix| catalog.fix(fix))
}

pub(super) fn is_windows(catalog: &Catalog, product: ProductIx) -> bool {
    matches!(
        catalog.product(product).identity,
        ProductIdentity::Windows(_)
    )
}

fn is_dot_net(catalog: &Catalog, product: ProductIx) -> bool {
    matches!(
        catalog.product(product).identity,
        ProductIdentity::OnWindows {
            component: Component::DotNetFramework(_),
            ..
        }
    )
}
