//! What a person may do, and which machines the person sees.
//!
//! People have rights by the groups they belong to (API specification, section 3.4: a delegated token counts as far as the
//! person's own role, and for the machines of the person's device groups).

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use crate::permission::Permission;

/// What a group lets its members do; each role contains the ones before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Look at everything.
    View,
    /// Also change machines, and send reports.
    Manage,
    /// Also manage applications, users and groups.
    Administer,
}

/// A name that is no role's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a role; there are view, manage and administer")]
pub struct UnknownRole(String);

/// Which machines are seen: those of all device groups, or of some, by the groups' names (`rbacGroupName`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// All machines, also those in no device group.
    All,
    /// Those of these device groups.
    Groups(BTreeSet<Box<str>>),
}

/// What a person may do, and which machines the person sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rights {
    /// The highest role.
    pub role: Role,
    /// The machines.
    pub sees: Seen,
}

impl Role {
    /// Every role, the lowest first.
    pub const ALL: [Self; 3] = [Self::View, Self::Manage, Self::Administer];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::View => "view",
            Self::Manage => "manage",
            Self::Administer => "administer",
        }
    }

    /// Whether it allows what a permission is for.
    pub fn allows(self, permission: Permission) -> bool {
        let least = match permission {
            Permission::AdministrationReadWrite => Self::Administer,
            Permission::MachineReadWrite | Permission::InventoryWrite => Self::Manage,
            Permission::SoftwareRead
            | Permission::VulnerabilityRead
            | Permission::SecurityRecommendationRead
            | Permission::ScoreRead
            | Permission::RemediationTasksRead
            | Permission::SecurityBaselinesAssessmentRead
            | Permission::MachineRead => Self::View,
        };
        self >= least
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.role)?;
        match &self.sees {
            Seen::All => f.write_str("all machines"),
            Seen::Groups(names) => {
                let names: Vec<&str> = names.iter().map(|name| &**name).collect();
                write!(f, "machines of {}", names.join(", "))
            }
        }
    }
}

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(name: &str) -> Result<Self, UnknownRole> {
        let mut all = Self::ALL.into_iter();
        all.find(|role| role.name().eq_ignore_ascii_case(name.trim()))
            .ok_or_else(|| UnknownRole(name.to_owned()))
    }
}

impl Seen {
    /// Whether a machine is seen, whose device group this is; without one it is in none.
    pub fn sees(&self, device_group: Option<&str>) -> bool {
        match self {
            Self::All => true,
            Self::Groups(names) => device_group.is_some_and(|name| names.contains(name)),
        }
    }

    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Groups(mut names), Self::Groups(others)) => {
                names.extend(others);
                Self::Groups(names)
            }
            _ => Self::All,
        }
    }
}

impl Rights {
    /// The rights of a person by those that each group gives: the highest role, and the machines that any of them sees.
    /// A person in no group has none.
    pub fn of_groups(groups: impl IntoIterator<Item = Self>) -> Option<Self> {
        groups.into_iter().reduce(|one, other| Self {
            role: one.role.max(other.role),
            sees: one.sees.and(other.sees),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rights(role: Role, sees: &[&str]) -> Rights {
        Rights {
            role,
            sees: Seen::Groups(sees.iter().map(|&name| name.into()).collect()),
        }
    }

    #[test]
    fn the_highest_role_counts_and_all_machines_of_any_group() {
        assert_eq!(Rights::of_groups([]), None);
        let both = [rights(Role::Manage, &["a"]), rights(Role::View, &["b"])];
        let both = Rights::of_groups(both).unwrap();
        assert_eq!(both, rights(Role::Manage, &["a", "b"]));
        assert!(both.sees.sees(Some("a")) && both.sees.sees(Some("b")));
        assert!(!both.sees.sees(Some("c")) && !both.sees.sees(None));
        let all = Rights {
            role: Role::View,
            sees: Seen::All,
        };
        let all = Rights::of_groups([both, all]).unwrap();
        assert_eq!((all.role, all.sees.sees(None)), (Role::Manage, true));
        assert_eq!(all.to_string(), "manage all machines");
        let some = rights(Role::View, &["b", "a"]);
        assert_eq!(some.to_string(), "view machines of a, b");
    }

    #[test]
    fn roles_allow_what_they_are_for() {
        for permission in Permission::ALL {
            let scope = permission.scope();
            let reads = scope.ends_with(".Read");
            assert_eq!(Role::View.allows(permission), reads, "{scope}");
            let administration = permission == Permission::AdministrationReadWrite;
            assert_eq!(Role::Manage.allows(permission), !administration, "{scope}");
            assert!(Role::Administer.allows(permission));
        }
        for role in Role::ALL {
            assert_eq!(role.name().to_uppercase().parse(), Ok(role));
        }
        assert!("owner".parse::<Role>().is_err());
    }
}
