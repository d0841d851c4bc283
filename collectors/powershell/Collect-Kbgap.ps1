#Requires -Version 5.1
<#
.SYNOPSIS
    Collects what kbgap needs to know of this machine, and prints, saves or sends it as a machine report.

.DESCRIPTION
    One report, as JSON: the Windows release and its build with the update build revision, the installed updates, the
    installed software, and whether a restart is due. Needs no modules; needs no administrator either, except that
    -UpdateHistory may be closed to others by policy. The software of other users is not seen.

    Without -OutFile and -Url the report is printed. With -Url it is sent to a kbgap server, with a token got by client
    credentials: the client needs the permission Inventory.Write.All, and its secret is read from the environment
    variable that -SecretVariable names, never from the command line.

    What cannot be collected is left out, and the report then says that it is partial, so that the server keeps what it
    knew of that part.

.PARAMETER OutFile
    The file to write the report to, as UTF-8.

.PARAMETER Url
    The server, such as https://kbgap.example.

.PARAMETER Tenant
    The tenant, by id or name.

.PARAMETER ClientId
    The client that sends the report.

.PARAMETER SecretVariable
    The environment variable with the client's secret.

.PARAMETER Name
    The machine's name; by default the DNS name of a machine in a domain, else the computer's name.

.PARAMETER IdFrom
    What tells this machine from others: its name, or the UUID of its firmware, as osquery's --host_identifier=uuid has
    it. Choose the same for all that reports of one machine.

.PARAMETER UpdateHistory
    Adds what the Windows Update Agent remembers to have installed; the list of quick fixes does not have all.

.PARAMETER Attempts
    How often sending is tried, with growing pauses.

.PARAMETER AllowHttp
    Sends the secret and the report without TLS; for tests on one machine.

.EXAMPLE
    .\Collect-Kbgap.ps1 -OutFile report.json

.EXAMPLE
    .\Collect-Kbgap.ps1 -Url https://kbgap.example -Tenant example -ClientId $client

.EXAMPLE
    .\Collect-Kbgap.ps1 -Url https://kbgap.example -Tenant example -ClientId $client -WhatIf

    Collects and tells what would be sent where.

.NOTES
    Exit codes: 0 done; 1 done, but a part could not be collected; 2 the parameters are wrong; 3 the report could not be
    written or sent; 4 the server rejected it.
#>
[CmdletBinding(SupportsShouldProcess = $true)]
param(
    [string] $OutFile,
    [string] $Url,
    [string] $Tenant,
    [string] $ClientId,
    [string] $SecretVariable = 'KBGAP_CLIENT_SECRET',
    [string] $Name,
    [ValidateSet('Name', 'Uuid')] [string] $IdFrom = 'Name',
    [switch] $UpdateHistory,
    [ValidateRange(1, 20)] [int] $Attempts = 5,
    [switch] $AllowHttp
)

Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

$script:Failures = New-Object System.Collections.ArrayList

function Stop-WithCode {
    param([int] $Code, [string] $Message)
    [Console]::Error.WriteLine("Collect-Kbgap: $Message")
    exit $Code
}

# Runs one part of the collection; what fails is told and leaves the rest alone.
function Get-Part {
    param([string] $What, [scriptblock] $Block)
    try {
        & $Block
    }
    catch {
        [void] $script:Failures.Add($What)
        [Console]::Error.WriteLine("Collect-Kbgap: $What could not be collected: $($_.Exception.Message)")
    }
}

# The registry is read in its 64-bit view, whatever kind of process this is.
function Open-Key {
    param([Microsoft.Win32.RegistryHive] $Hive, [string] $Path)
    $view = [Microsoft.Win32.RegistryView]::Default
    if ([Environment]::Is64BitOperatingSystem) {
        $view = [Microsoft.Win32.RegistryView]::Registry64
    }
    $base = [Microsoft.Win32.RegistryKey]::OpenBaseKey($Hive, $view)
    $base.OpenSubKey($Path)
}

function Get-Value {
    param([string] $Path, [string] $ValueName)
    $key = Open-Key -Hive LocalMachine -Path $Path
    if ($null -eq $key) { return $null }
    try { $key.GetValue($ValueName) } finally { $key.Close() }
}

function Test-Key {
    param([string] $Path)
    $key = Open-Key -Hive LocalMachine -Path $Path
    if ($null -eq $key) { return $false }
    $key.Close()
    $true
}

function Get-Os {
    $current = 'SOFTWARE\Microsoft\Windows NT\CurrentVersion'
    $system = Get-CimInstance -ClassName Win32_OperatingSystem
    $os = [ordered]@{}
    $os['name'] = ([string] $system.Caption).Trim()
    $os['version'] = [string] $system.Version
    # Before Windows 10 a security only update raises the revision as well, so that it proves nothing.
    $ubr = Get-Value -Path $current -ValueName 'UBR'
    if ($null -ne $ubr -and $os['version'] -like '10.*') {
        $os['version'] = '{0}.{1}' -f $os['version'], $ubr
    }
    $display = Get-Value -Path $current -ValueName 'DisplayVersion'
    if (-not $display) { $display = Get-Value -Path $current -ValueName 'ReleaseId' }
    if ($display) { $os['displayVersion'] = [string] $display }
    # Of the machine, not of this process, which may be emulated.
    $environment = 'SYSTEM\CurrentControlSet\Control\Session Manager\Environment'
    $architecture = Get-Value -Path $environment -ValueName 'PROCESSOR_ARCHITECTURE'
    if ($architecture) { $os['architecture'] = ([string] $architecture).ToLowerInvariant() }
    $type = [string] (Get-Value -Path $current -ValueName 'InstallationType')
    if (@('Client', 'Server', 'Server Core') -ccontains $type) { $os['installationType'] = $type }
    if ($system.ServicePackMajorVersion -gt 0) {
        $os['servicePack'] = [int] $system.ServicePackMajorVersion
    }
    $os
}

# The days of the quick fixes, as texts: a date with slashes is read only where the list tells what stands first.
function Get-DayReader {
    param([string[]] $Texts)
    $dayFirst = $false
    $monthFirst = $false
    foreach ($text in $Texts) {
        if ($text -match '^(\d{1,2})/(\d{1,2})/\d{4}$') {
            if ([int] $Matches[1] -gt 12) { $dayFirst = $true }
            if ([int] $Matches[2] -gt 12) { $monthFirst = $true }
        }
    }
    if ($dayFirst -eq $monthFirst) { return '' }
    if ($dayFirst) { 'd/M/yyyy' } else { 'M/d/yyyy' }
}

function ConvertTo-Day {
    param([string] $Text, [string] $SlashFormat)
    $day = [datetime]::MinValue
    $culture = [Globalization.CultureInfo]::InvariantCulture
    $style = [Globalization.DateTimeStyles]::None
    if ($Text -match '^[0-9a-fA-F]{16}$') {
        try { $day = [datetime]::FromFileTimeUtc([Convert]::ToInt64($Text, 16)) } catch { return $null }
        return $day.ToString('yyyy-MM-dd', $culture)
    }
    $formats = @('yyyyMMdd')
    if ($SlashFormat) { $formats += $SlashFormat }
    if ([datetime]::TryParseExact($Text, [string[]] $formats, $culture, $style, [ref] $day)) {
        return $day.ToString('yyyy-MM-dd', $culture)
    }
    $null
}

function Get-Updates {
    $updates = @{}
    $fixes = @(Get-CimInstance -ClassName Win32_QuickFixEngineering)
    # The raw value: PowerShell's own reading of it fails in many languages.
    $days = @($fixes | ForEach-Object { [string] $_.CimInstanceProperties['InstalledOn'].Value })
    $format = Get-DayReader -Texts $days
    for ($i = 0; $i -lt $fixes.Count; $i++) {
        if (([string] $fixes[$i].HotFixID) -notmatch '^KB(\d{5,8})') { continue }
        $update = [ordered]@{ kb = 'KB' + $Matches[1] }
        $day = ConvertTo-Day -Text $days[$i] -SlashFormat $format
        if ($day) { $update['installedOn'] = $day }
        $updates[$update['kb']] = $update
    }
    if ($UpdateHistory) {
        Get-Part -What 'the update history' -Block {
            foreach ($update in (Get-HistoryUpdates)) {
                if (-not $updates.ContainsKey($update['kb'])) { $updates[$update['kb']] = $update }
            }
        }
    }
    @($updates.Keys | Sort-Object | ForEach-Object { $updates[$_] })
}

# What was installed with success and not uninstalled since, by the Windows Update Agent's memory.
function Get-HistoryUpdates {
    $session = New-Object -ComObject 'Microsoft.Update.Session'
    $searcher = $session.CreateUpdateSearcher()
    $count = $searcher.GetTotalHistoryCount()
    if ($count -le 0) { return }
    $seen = @{}
    # The newest first.
    foreach ($entry in ($searcher.QueryHistory(0, $count) | Sort-Object -Property Date -Descending)) {
        # 2: succeeded. 3: with errors, which leaves open whether it is there.
        if ($entry.ResultCode -ne 2) { continue }
        if (([string] $entry.Title) -notmatch 'KB(\d{5,8})') { continue }
        $kb = 'KB' + $Matches[1]
        if ($seen.ContainsKey($kb)) { continue }
        $seen[$kb] = $true
        # 1: installed; 2: uninstalled.
        if ($entry.Operation -eq 1) {
            $day = $entry.Date.ToString('yyyy-MM-dd', [Globalization.CultureInfo]::InvariantCulture)
            [ordered]@{ kb = $kb; installedOn = $day }
        }
    }
}

function Get-Software {
    $uninstall = 'SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall'
    $uninstall32 = 'SOFTWARE\WOW6432Node\Microsoft\Windows\CurrentVersion\Uninstall'
    $places = @(@('LocalMachine', $uninstall), @('LocalMachine', $uninstall32), @('CurrentUser', $uninstall))
    $found = @{}
    foreach ($place in $places) {
        $list = Open-Key -Hive $place[0] -Path $place[1]
        if ($null -eq $list) { continue }
        foreach ($child in $list.GetSubKeyNames()) {
            $key = $list.OpenSubKey($child)
            if ($null -eq $key) { continue }
            $title = ([string] $key.GetValue('DisplayName')).Trim()
            $version = ([string] $key.GetValue('DisplayVersion')).Trim()
            $vendor = ([string] $key.GetValue('Publisher')).Trim()
            $key.Close()
            if (-not $title) { continue }
            $found["$vendor`n$title`n$version"] = [ordered]@{ vendor = $vendor; name = $title; version = $version }
        }
        $list.Close()
    }
    foreach ($component in (Get-Components)) {
        $found["$($component['name'])`n$($component['version'])"] = $component
    }
    @($found.Keys | Sort-Object | ForEach-Object { $found[$_] })
}

# Components of Windows with updates of their own, which the uninstall list does not show.
function Get-Components {
    $microsoft = 'Microsoft Corporation'
    $frameworks = 'SOFTWARE\Microsoft\NET Framework Setup\NDP'
    # The smallest release number of each version.
    $releases = @(
        @(533320, '4.8.1'), @(528040, '4.8'), @(461808, '4.7.2'), @(461308, '4.7.1'), @(460798, '4.7'),
        @(394802, '4.6.2'), @(394254, '4.6.1'), @(393295, '4.6'), @(379893, '4.5.2'), @(378675, '4.5.1'),
        @(378389, '4.5')
    )
    $release = Get-Value -Path "$frameworks\v4\Full" -ValueName 'Release'
    foreach ($known in $releases) {
        if ($null -ne $release -and [int] $release -ge $known[0]) {
            [ordered]@{ vendor = $microsoft; name = 'Microsoft .NET Framework'; version = $known[1] }
            break
        }
    }
    if ((Get-Value -Path "$frameworks\v3.5" -ValueName 'Install') -eq 1) {
        $version = [string] (Get-Value -Path "$frameworks\v3.5" -ValueName 'Version')
        [ordered]@{ vendor = $microsoft; name = 'Microsoft .NET Framework'; version = $version }
    }
    # From Windows 10 on, it is part of the cumulative update.
    if ([Environment]::OSVersion.Version.Major -lt 10) {
        $explorer = 'SOFTWARE\Microsoft\Internet Explorer'
        $version = Get-Value -Path $explorer -ValueName 'svcVersion'
        if (-not $version) { $version = Get-Value -Path $explorer -ValueName 'Version' }
        if ($version) { [ordered]@{ vendor = $microsoft; name = 'Internet Explorer'; version = [string] $version } }
    }
}

function Get-RebootPending {
    $windows = 'SOFTWARE\Microsoft\Windows\CurrentVersion'
    (Test-Key -Path "$windows\Component Based Servicing\RebootPending") -or
        (Test-Key -Path "$windows\WindowsUpdate\Auto Update\RebootRequired")
}

function Get-MachineName {
    $system = Get-CimInstance -ClassName Win32_ComputerSystem
    if ($system.PartOfDomain -and $system.Domain) {
        return ('{0}.{1}' -f $system.Name, $system.Domain).ToLowerInvariant()
    }
    [string] $system.Name
}

function Get-Report {
    $report = [ordered]@{}
    if ($IdFrom -eq 'Uuid') {
        $report['id'] = ([string] (Get-CimInstance -ClassName Win32_ComputerSystemProduct).UUID).ToLowerInvariant()
    }
    if ($Name) { $report['name'] = $Name } else { $report['name'] = Get-MachineName }
    $utc = [datetime]::UtcNow
    $report['reportedAt'] = $utc.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", [Globalization.CultureInfo]::InvariantCulture)
    Get-Part -What 'the operating system' -Block { $report['os'] = Get-Os }
    Get-Part -What 'the installed updates' -Block { $report['updates'] = @(Get-Updates) }
    Get-Part -What 'the installed software' -Block { $report['software'] = @(Get-Software) }
    Get-Part -What 'whether a restart is due' -Block { $report['rebootPending'] = [bool] (Get-RebootPending) }
    if ($script:Failures.Count -gt 0) { $report['partial'] = $true }
    $report
}

# Sends a request, and again after a pause where the server is away or busy.
function Send-Request {
    param([hashtable] $Request)
    for ($attempt = 1; ; $attempt++) {
        try {
            return Invoke-RestMethod @Request -Method Post -TimeoutSec 60 -UseBasicParsing
        }
        catch {
            $response = $null
            if ($_.Exception.PSObject.Properties['Response']) { $response = $_.Exception.Response }
            $status = 0
            if ($null -ne $response) { $status = [int] $response.StatusCode }
            $passing = $status -eq 0 -or $status -eq 408 -or $status -eq 429 -or $status -ge 500
            if (-not $passing -or $attempt -ge $Attempts) { throw }
            # 5, 10, 20 ... seconds at most 5 minutes, and some more, so that machines do not come all at once.
            $pause = [Math]::Min(300, 5 * [Math]::Pow(2, $attempt - 1)) + (Get-Random -Minimum 0.0 -Maximum 5.0)
            $asked = 0
            try { $asked = [int] $response.Headers['Retry-After'] } catch { $asked = 0 }
            if ($asked -gt $pause -and $asked -le 3600) { $pause = $asked }
            $reason = $_.Exception.Message
            Write-Verbose "attempt $attempt failed (status $status): $reason; again in $([int] $pause) s"
            Start-Sleep -Milliseconds ([int] ($pause * 1000))
        }
    }
}

function Send-Report {
    param([string] $Json, [string] $Secret)
    [Net.ServicePointManager]::SecurityProtocol =
        [Net.ServicePointManager]::SecurityProtocol -bor [Net.SecurityProtocolType]::Tls12
    $server = $Url.TrimEnd('/')
    $answer = Send-Request -Request @{
        Uri         = '{0}/{1}/oauth2/v2.0/token' -f $server, [Uri]::EscapeDataString($Tenant)
        ContentType = 'application/x-www-form-urlencoded'
        Body        = @{
            grant_type    = 'client_credentials'
            client_id     = $ClientId
            client_secret = $Secret
            scope         = 'https://api.securitycenter.microsoft.com/.default'
        }
    }
    Send-Request -Request @{
        Uri         = "$server/kbgap/v1/reports"
        Headers     = @{ Authorization = 'Bearer ' + $answer.access_token }
        ContentType = 'application/json; charset=utf-8'
        Body        = [Text.Encoding]::UTF8.GetBytes($Json)
    }
}

# The parameters, before anything is collected.
$secret = ''
if ($Url) {
    if (-not $Tenant -or -not $ClientId) { Stop-WithCode 2 '-Url needs -Tenant and -ClientId' }
    if ($Url -notlike 'https://*' -and -not $AllowHttp) {
        Stop-WithCode 2 "'$Url' is not https://; -AllowHttp sends the secret in the clear"
    }
    $secret = [Environment]::GetEnvironmentVariable($SecretVariable)
    if (-not $secret -and -not $WhatIfPreference) {
        Stop-WithCode 2 "the environment variable $SecretVariable, for the client's secret, is not set"
    }
}

try {
    $json = ConvertTo-Json -InputObject (Get-Report) -Depth 5
}
catch {
    Stop-WithCode 3 "the report cannot be made: $($_.Exception.Message)"
}

if ($OutFile -and $PSCmdlet.ShouldProcess($OutFile, 'Write the machine report')) {
    try {
        $path = $ExecutionContext.SessionState.Path.GetUnresolvedProviderPathFromPSPath($OutFile)
        [IO.File]::WriteAllText($path, $json, (New-Object Text.UTF8Encoding $false))
    }
    catch {
        Stop-WithCode 3 "$OutFile cannot be written: $($_.Exception.Message)"
    }
}
if ($Url -and $PSCmdlet.ShouldProcess($Url, 'Send the machine report')) {
    try {
        $summary = Send-Report -Json $json -Secret $secret
    }
    catch {
        $code = 3
        if ($_.Exception.PSObject.Properties['Response'] -and $null -ne $_.Exception.Response) {
            if ([int] $_.Exception.Response.StatusCode -eq 400) { $code = 4 }
        }
        Stop-WithCode $code "the report was not taken by ${Url}: $($_.Exception.Message)"
    }
    $rejected = @($summary.rejected)
    if ($rejected.Count -gt 0) { Stop-WithCode 4 "the server rejected the report: $($rejected[0].reason)" }
    Write-Verbose "sent to $Url"
}
if (-not $OutFile -and -not $Url) { $json }
if ($script:Failures.Count -gt 0) { exit 1 }
exit 0
