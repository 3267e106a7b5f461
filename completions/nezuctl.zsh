#compdef nezuctl
# zsh completion for nezuctl. Names of services, probes and failovers are asked of the manager.

_nezuctl_names() {
    local -a names globals
    [[ -n ${opt_args[--url]} ]] && globals=(--url ${opt_args[--url]})
    names=(${(f)"$(nezuctl $globals --timeout 2s $1 list --names 2>/dev/null)"})
    compadd -a names
}
_nezuctl_services() { _nezuctl_names service }
_nezuctl_probes() { _nezuctl_names probe }
_nezuctl_failovers() { _nezuctl_names failover }

_nezuctl() {
    local curcontext=$curcontext state line
    typeset -A opt_args
    local -a globals=(
        '(-u --url)'{-u,--url}'[the manager'\''s API]:URL:'
        '--timeout[for one answer of the manager]:DURATION:'
        '--utc[times in UTC]'
        '(-h --help)'{-h,--help}'[help]'
    )
    local -a commands=(
        'service:definitions: what is watched' 'monitor:starts and stops monitoring' 'status:the manager'\''s state' 'top:live table of all services'
        'query:figures of a service over time' 'probe:the probes and their instances' 'failover:the records of failovers' 'event:what the manager has to tell'
        'pki:a small certificate authority' 'completion:completion script of a shell' 'version:versions'
    )
    _arguments -C $globals '--version[version]' '1: :->command' '*:: :->rest'
    case $state in
        command) _describe command commands ;;
        rest) _nezuctl_rest ;;
    esac
}

_nezuctl_rest() {
    local command=$words[1] verb=$words[2]
    local -a verbs
    case $command in
        service) verbs=(apply diff export list show delete) ;;
        monitor) verbs=(start stop) ;;
        probe|failover) verbs=(list show) ;;
        event) verbs=(list) ;;
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
        'service apply') _arguments $globals '*'{-f,--file}'[file of services]:FILE:_files' '--dry-run[only say what would change]' '--prune[delete the others]' $json ;;
        'service diff') _arguments $globals '*'{-f,--file}'[file of services]:FILE:_files' '--prune[delete the others]' '--exit-code[status 1 where something differs]' $json ;;
        'service export') _arguments $globals '(-o --output)'{-o,--output}'[write to this file]:FILE:_files' '*:service:_nezuctl_services' ;;
        'service show') _arguments $globals $json '*:service:_nezuctl_services' ;;
        'service delete') _arguments $globals '(-y --yes)'{-y,--yes}'[do not ask]' '*:service:_nezuctl_services' ;;
        'monitor start'|'monitor stop') _arguments $globals '--all[every service]' '--wait[until confirmed]' '--wait-timeout[how long]:DURATION:' $json '*:service:_nezuctl_services' ;;
        'probe show') _arguments $globals $json '*:probe:_nezuctl_probes' ;;
        'failover show') _arguments $globals $json '*:failover:_nezuctl_failovers' ;;
        *' list')
            case $command in
                event) _arguments $globals '--open[not closed]' '--severity[at least]:severity:(information warning error)' '--limit[at most]:N:' $json ;;
                pki) _arguments $globals '(-d --dir)'{-d,--dir}'[directory]:DIR:_files -/' $json ;;
                *) _arguments $globals $json $names ;;
            esac ;;
        'pki init') _arguments $globals '(-d --dir)'{-d,--dir}'[directory]:DIR:_files -/' '--name[name]:NAME:' '--lifetime[validity]:DURATION:' '--force[replace]' ;;
        'pki issue') _arguments $globals '(-d --dir)'{-d,--dir}'[directory]:DIR:_files -/' '--name[name]:NAME:' '--role[role]:role:(manager probe client)' '*--host[name or address]:HOST:_hosts' '--lifetime[validity]:DURATION:' '--force[replace]' ;;
        'pki show') _arguments $globals '(-d --dir)'{-d,--dir}'[directory]:DIR:_files -/' $json '1:certificate:_files -g "*.crt"' ;;
        'top'*) _arguments $globals '--once[one table]' '(-t --targets)'{-t,--targets}'[web transactions too]' '(-s --sort)'{-s,--sort}'[order]:order:(name rate errors p95)' '*:service:_nezuctl_services' ;;
        'query'*) _arguments $globals '--target[web transaction]:TARGET:' '--probe[logical probe]:probe:_nezuctl_probes' '--last[span]:DURATION:' '--from[begin]:TIME:' '--to[end]:TIME:' '--step[step]:step:(auto 1s 10s 1m 1h 1d)' $json '--csv[as CSV]' '(-w --wide)'{-w,--wide}'[more columns]' '1:service:_nezuctl_services' ;;
        'completion'*) _arguments $globals '1:shell:(bash zsh fish)' ;;
        *) _arguments $globals $json ;;
    esac
}

if [[ $funcstack[1] == _nezuctl ]]; then
    _nezuctl "$@"
else
    compdef _nezuctl nezuctl
fi
