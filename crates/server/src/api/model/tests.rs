//! The model against Microsoft's own metadata.

use kbgap_odata::csdl;

use super::*;

/// What Microsoft's metadata has that is not about vulnerability management: alerts, incidents, indicators, files, actions
/// on machines, authenticated scans, device groups, live response, exports of raw data.
const LEFT_OUT: &[&str] = &[
    "action AddDeviceGroups(Collection(DeviceGroup))",
    "action BatchDelete(Collection(DeviceAuthenticatedScanDefinition))",
    "action BatchDelete(Collection(Indicator))",
    "action BatchUpdate(Collection(Alert))",
    "action BatchUpdate(Collection(Indicator))",
    "action Cancel(MachineAction)",
    "action CollectInvestigationPackage(Machine)",
    "action CreateAlertByReference(Collection(Alert))",
    "action DeleteDeviceGroups(Collection(DeviceGroup))",
    "action GetScanHistoryByScanDefinitionId(Collection(DeviceAuthenticatedScanDefinition))",
    "action GetScanHistoryBySessionId(Collection(DeviceAuthenticatedScanDefinition))",
    "action Import(Collection(Indicator))",
    "action InitiateInvestigation(Machine)",
    "action Isolate(Machine)",
    "action LogsCollection(Machine)",
    "action OffBoard(Machine)",
    "action PostDeviceGroups(Collection(DeviceGroup))",
    "action RestrictCodeExecution(Machine)",
    "action RunAntiVirusScan(Machine)",
    "action RunCustomPlaybook(Machine)",
    "action RunLiveResponse(Machine)",
    "action StartInvestigation(Machine)",
    "action StopAndQuarantineFile(Machine)",
    "action Unisolate(Machine)",
    "action UnrestrictCodeExecution(Machine)",
    "enum AlertClassification",
    "enum AlertDetermination",
    "enum AlertSeverity",
    "enum AlertStatus",
    "enum AuthScanType",
    "enum AuthenticatedScanStatus",
    "enum AutomationLevelEnum",
    "enum CustomPlaybookActionTypes",
    "enum CustomPlaybookCommandStatus",
    "enum CustomPlaybookParams",
    "enum DataOriginProduct",
    "enum DefenderRunningMode",
    "enum DetectionSource",
    "enum DeterminationType",
    "enum DeviceManagedByFromDb",
    "enum EntityType",
    "enum EvidenceRemediationStatus",
    "enum EvidenceVerdict",
    "enum FullActionType",
    "enum IOACategory",
    "enum IncidentStatus",
    "enum InvestigationState",
    "enum IsolationType",
    "enum KnownRequestSource",
    "enum LinuxAuthType",
    "enum MachineConfigurationStatus",
    "enum OperatorType",
    "enum ScanStatus",
    "enum ScanType",
    "enum ServiceSource",
    "enum SnmpAuthType",
    "enum TargetType",
    "enum WindowsAuthType",
    "enum actionStatus",
    "enum actionType",
    "enum fileIdentifierType",
    "enum microsoft.windowsDefenderATP.api",
    "enum severity",
    "enum tiIndicatorAction",
    "enum tiIndicatorType",
    "function Alerts(Domain)",
    "function Alerts(File)",
    "function Alerts(Ip)",
    "function Alerts(Machine)",
    "function Alerts(User)",
    "function AvailableMachineActions(Machine)",
    "function Dlp(Collection(Machine))",
    "function Domains(Alert)",
    "function Files(Alert)",
    "function GetLiveResponseResultDownloadLink(MachineAction)",
    "function GetLogsPackageUri(MachineAction)",
    "function GetPackageUri(MachineAction)",
    "function IPs(Alert)",
    "function LatestMachineActions(Machine)",
    "function LogOnUsers(Machine)",
    "function Machine(Alert)",
    "function MachineActions(Machine)",
    "function Machines(Domain)",
    "function Machines(File)",
    "function Machines(User)",
    "function Stats(Domain)",
    "function Stats(File)",
    "function Stats(Ip)",
    "function User(Alert)",
    "set AlertEntitySetName",
    "set Alerts",
    "set DataExportSettings",
    "set DeviceAuthenticatedScanAgents",
    "set DeviceAuthenticatedScanDefinitions",
    "set DeviceAvInfo",
    "set DeviceGroups",
    "set Domains",
    "set Files",
    "set Incidents",
    "set Indicators",
    "set Investigations",
    "set Ips",
    "set LibraryFiles",
    "set MachineAction",
    "set MachineActions",
    "set Users",
    "type AadUsersGroup",
    "type ActionAvailabilityStatus",
    "type AdvancedActiveConfiguration",
    "type AgentContract",
    "type Alert",
    "type AlertComment",
    "type AlertEvidence",
    "type AlertRelatedUser",
    "type AuthParamsBase",
    "type AuthScanHistoryContract",
    "type Cache",
    "type CacheStats",
    "type CertificateIndicatorInformation",
    "type Cpu",
    "type CustomPlaybookCommand",
    "type CustomPlaybookCommandResult",
    "type CustomPlaybookParameter",
    "type DataExportSettings",
    "type DataExportSettingsLogDefinition",
    "type DatasetStatistics",
    "type DeviceAuthenticatedScanAgent",
    "type DeviceAuthenticatedScanDefinition",
    "type DeviceAvInfo",
    "type DeviceGroup",
    "type DeviceGroupListPropertyCondition",
    "type DeviceGroupPropertyCondition",
    "type DeviceGroupRules",
    "type DlpMachine",
    "type Domain",
    "type EventHubProperties",
    "type File",
    "type ImportIndicatorResult",
    "type InOrgDomainStats",
    "type InOrgFileStats",
    "type InOrgIPStats",
    "type Incident",
    "type Indicator",
    "type IndicatorUpdateRequest",
    "type Investigation",
    "type Ip",
    "type LibraryFiles",
    "type LinuxAuthParams",
    "type List_1OfImportIndicatorResult",
    "type List_1OfIndicator",
    "type LoggedOnUser",
    "type MachineAction",
    "type Memory",
    "type MtpAlert",
    "type MtpAlertEvidence",
    "type MtpDevice",
    "type PostDeviceGroupsRequest",
    "type QuerySchema",
    "type QuerySchemaColumn",
    "type QueryStats",
    "type RelatedFileInfo",
    "type ResourceUsage",
    "type ScanState",
    "type ScannedTargetResultContract",
    "type ScriptMetadata",
    "type SinglePropertySchema",
    "type SnmpAuthParams",
    "type StorageAccountProperties",
    "type TroubleshootInfo",
    "type TroubleshootParams",
    "type UpdateAlertRequest",
    "type UpdateMachineRequest",
    "type User",
    "type WindowsAuthParams",
    "type WorkspaceProperties",
];

/// What leads from our types to those.
const LED_ASTRAY: [&str; 4] = [
    "set Machines/logOnUsers: ours nothing, theirs Users",
    "type Machine/alerts: ours nothing, theirs navigation to Collection(Alert)",
    "type Machine/logOnUsers: ours nothing, theirs navigation to Collection(User)",
    "type Machine/machineActions: ours nothing, theirs navigation to Collection(MachineAction)",
];

fn microsofts() -> String {
    let path = kbgap_corpus::folder().join("mde-metadata.xml");
    std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}; set KBGAP_CORPUS", path.display()))
}

#[test]
fn what_is_declared_is_what_microsoft_declares() {
    let model = Model::new().unwrap();
    let differences = csdl::differences(&model.schema, &microsofts()).unwrap();
    let (left_out, told): (Vec<_>, Vec<_>) = differences
        .into_iter()
        .partition(csdl::Difference::is_left_out);
    let told: Vec<String> = told.iter().map(ToString::to_string).collect();
    assert_eq!(told, LED_ASTRAY);
    let left_out: Vec<&str> = left_out.iter().map(|difference| &*difference.of).collect();
    assert_eq!(left_out, LEFT_OUT);
}

#[test]
fn all_that_is_described_has_words() {
    let model = Model::new().unwrap();
    for of in &model.schema.types {
        assert!(!of.doc.is_empty(), "{}", of.name);
        for property in &of.properties {
            assert!(!property.doc.is_empty(), "{}/{}", of.name, property.name);
        }
    }
}
