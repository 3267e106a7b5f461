#compdef nezuctl
# zsh completion for nezuctl. Names of services, probes, failovers and discoveries are asked of the manager.

# The manager of the line that is being completed; set by _nezuctl, before anything is cut off `words`.
_nezuctl_ask() {
    nezuctl $_nezuctl_manager --timeout 2s "$@" 2>/dev/null
}
_nezuctl_names() {
    local -a names
    names=(${(f)"$(_nezuctl_ask $1 list --names)"})
    compadd -a names
}
_nezuctl_services() { _nezuctl_names service }
_nezuctl_probes() { _nezuctl_names probe }
_nezuctl_failovers() { _nezuctl_names failover }
_nezuctl_discoveries() { _nezuctl_names discovery }
# Web transactions of the service that stands on the line, if one does already.
_nezuctl_targets() {
    local -a targets=(all)
    local service=${line[1]}
    [[ -n $service ]] && targets+=(${(f)"$(_nezuctl_ask service export "$service" |
        sed -n '/transactions:/,$s/^ *- *name: *"\{0,1\}\([^"]*\)"\{0,1\} *$/\1/p')"})
    compadd -a targets
}
_nezuctl_certificates() { _files -g "*.crt" }
_nezuctl_durations() { compadd -V durations 10s 30s 1m 10m 1h 24h 7d 30d }
_nezuctl_times() { compadd -V times -- now -10m -1h -24h }

_nezuctl() {
    local curcontext=$curcontext
    local -a line _nezuctl_manager
    typeset -A opt_args
    local -i i at=0
    for ((i = 2; i < CURRENT; i++)); do
        case $words[i] in
            -u|--url|--manager) (( i + 1 < CURRENT )) && _nezuctl_manager=(--url "${(Q)words[i + 1]}") ;;
            --url=*|--manager=*) _nezuctl_manager=(--url "${(Q)words[i]#*=}") ;;
        esac
    done
    # Where the command stands, behind the options that may come before it.
    for ((i = 2; i < CURRENT; i++)); do
        case $words[i] in
            -u|--url|--manager|--timeout) (( i++ )) ;;
            -*) ;;
            *) at=$i; break ;;
        esac
    done
    local -a globals=(
        '(-u --url --manager)'{-u,--url=,--manager=}'[the manager'\''s API]:URL:'
        '--timeout=[for one answer of the manager]:DURATION:_nezuctl_durations'
        '--utc[times in UTC]'
        '(-h --help)'{-h,--help}'[help]'
    )
    local -a commands=(
        'service:definitions: what is watched' 'monitor:starts and stops monitoring' 'status:the manager'\''s state' 'top:live table of all services'
        'query:figures of a service over time' 'probe:the probes and their instances' 'failover:the records of failovers' 'event:what the manager has to tell'
        'discovery:what is on the wire' 'pki:a small certificate authority' 'completion:completion script of a shell' 'version:versions'
    )
    if (( at == 0 )); then
        _arguments $globals '--version[version]' '1:command:{_describe command commands}'
        return
    fi
    words=("${(@)words[at,-1]}")
    (( CURRENT -= at - 1 ))
    _nezuctl_rest
}

_nezuctl_rest() {
    local command=$words[1] verb=$words[2]
    local -a verbs
    case $command in
        service) verbs=(apply diff export list show delete) ;;
        monitor) verbs=(start stop) ;;
        probe|failover) verbs=(list show) ;;
        event) verbs=(list) ;;
        discovery) verbs=(start stop list show) ;;
        pki) verbs=(init issue list show) ;;
    esac
    if (( $#verbs )) && (( CURRENT == 2 )); then
        compadd -a verbs
        return
    fi
    if (( $#verbs )); then
        words=("${(@)words[2,-1]}")
        (( CURRENT-- ))
    fi
    local json='--json[as JSON]' names='--names[names only]'
    case "$command $verb" in
        'service apply') _arguments $globals '*'{-f,--file=}'[file of services]:FILE:_files' '--dry-run[only say what would change]' '--prune[delete the others]' $json ;;
        'service diff') _arguments $globals '*'{-f,--file=}'[file of services]:FILE:_files' '--prune[delete the others]' '--exit-code[status 1 where something differs]' $json ;;
        'service export') _arguments $globals '(-o --output)'{-o,--output=}'[write to this file]:FILE:_files' '*:service:_nezuctl_services' ;;
        'service show') _arguments $globals $json '*:service:_nezuctl_services' ;;
        'service delete') _arguments $globals '(-y --yes)'{-y,--yes}'[do not ask]' '*:service:_nezuctl_services' ;;
        'monitor start'|'monitor stop') _arguments $globals '--all[every service]' '--wait[until confirmed]' '--wait-timeout=[how long]:DURATION:_nezuctl_durations' $json '*:service:_nezuctl_services' ;;
        'probe show') _arguments $globals $json '*:probe:_nezuctl_probes' ;;
        'failover show') _arguments $globals $json '*:failover:_nezuctl_failovers' ;;
        *' list')
            case $command in
                discovery) _arguments $globals '*--probe=[logical probe]:probe:_nezuctl_probes' $json '--csv[as CSV]' $names ;;
                event) _arguments $globals '--open[not closed]' '--severity=[at least]:severity:(information warning error)' '--limit=[at most]:N:' $json ;;
                pki) _arguments $globals '(-d --dir)'{-d,--dir=}'[directory]:DIR:_files -/' $json ;;
                *) _arguments $globals $json $names ;;
            esac ;;
        'discovery start') _arguments $globals '*--probe=[logical probe]:probe:_nezuctl_probes' '--source=[client address or prefix]:ADDRESS:' '--for=[time limit]:DURATION:_nezuctl_durations' $json ;;
        'discovery stop') _arguments $globals '*--probe=[logical probe]:probe:_nezuctl_probes' '--all[everything that is running]' $json '*:discovery:_nezuctl_discoveries' ;;
        'discovery show') _arguments $globals $json '--csv[as CSV]' '1:discovery:_nezuctl_discoveries' ;;
        'pki init') _arguments $globals '(-d --dir)'{-d,--dir=}'[directory]:DIR:_files -/' '--name=[name]:NAME:' '--lifetime=[validity]:DURATION:_nezuctl_durations' '--force[replace]' ;;
        'pki issue') _arguments $globals '(-d --dir)'{-d,--dir=}'[directory]:DIR:_files -/' '--name=[name]:NAME:' '--role=[role]:role:(manager probe client)' '*--host=[name or address]:HOST:_hosts' '--lifetime=[validity]:DURATION:_nezuctl_durations' '--force[replace]' ;;
        'pki show') _arguments $globals '(-d --dir)'{-d,--dir=}'[directory]:DIR:_files -/' $json '1:certificate:_nezuctl_certificates' ;;
        'top'*) _arguments $globals '--once[one table]' '(-t --targets)'{-t,--targets}'[web transactions too]' '(-s --sort)'{-s,--sort=}'[order]:order:(name rate errors p95)' '*:service:_nezuctl_services' ;;
        'query'*) _arguments $globals '--target=[web transaction]:TARGET:_nezuctl_targets' '--probe=[logical probe]:probe:_nezuctl_probes' '--last=[span]:DURATION:_nezuctl_durations' '--from=[begin]:TIME:_nezuctl_times' '--to=[end]:TIME:_nezuctl_times' '--step=[step]:step:(auto 1s 10s 1m 1h 1d)' $json '--csv[as CSV]' '(-w --wide)'{-w,--wide}'[more columns]' '1:service:_nezuctl_services' ;;
        'completion'*) _arguments $globals '1:shell:(bash zsh fish)' ;;
        *) _arguments $globals $json ;;
    esac
}

if [[ $funcstack[1] == _nezuctl ]]; then
    _nezuctl "$@"
else
    compdef _nezuctl nezuctl
fi
