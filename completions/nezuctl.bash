# bash completion for nezuctl. Names of services, probes, failovers and discoveries are asked of the manager.

_nezuctl_names() {
    "${COMP_WORDS[0]}" "${_nezuctl_globals[@]}" --timeout 2s "$@" --names 2>/dev/null
}

_nezuctl_targets() {
    "${COMP_WORDS[0]}" "${_nezuctl_globals[@]}" --timeout 2s service export "$1" 2>/dev/null |
        sed -n '/transactions:/,$s/^ *- *name: *"\{0,1\}\([^"]*\)"\{0,1\} *$/\1/p'
    echo all
}

# One candidate a line in $1; IFS is a line break, so that names keep their blanks.
_nezuctl_offer() {
    local IFS=$'\n'
    COMPREPLY=($(compgen -W "$1" -- "$cur"))
}

_nezuctl_words() {
    COMPREPLY=($(compgen -W "$1" -- "$cur"))
}

_nezuctl() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
    local _nezuctl_globals=() command="" verb="" service="" i word
    COMPREPLY=()

    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        case $word in
            -u|--url|--manager)
                # bash cuts an address at its colons; put it together again.
                local value=""
                while ((i + 1 < COMP_CWORD)); do
                    [[ -n $value && ${COMP_WORDS[i+1]} != ":" && $value != *: ]] && break
                    value+=${COMP_WORDS[++i]}
                done
                [[ -n $value ]] && _nezuctl_globals+=(--url "$value") ;;
            --timeout|-f|--file|-o|--output|--target|--probe|--last|--from|--to|--step|--severity|--limit|--wait-timeout|-s|--sort|-d|--dir|--name|--role|--host|--lifetime|--source|--for)
                ((i++)) ;;
            -*) ;;
            *)
                if [[ -z $command ]]; then command=$word
                elif [[ -z $verb ]]; then verb=$word
                elif [[ -z $service ]]; then service=$word
                fi ;;
        esac
    done
    [[ $command == query ]] && service=$verb

    case $prev in
        -f|--file|-o|--output) COMPREPLY=($(compgen -f -- "$cur")); compopt -o filenames 2>/dev/null; return ;;
        -d|--dir) COMPREPLY=($(compgen -d -- "$cur")); compopt -o filenames 2>/dev/null; return ;;
        --step) _nezuctl_words "auto 1s 10s 1m 1h 1d"; return ;;
        --severity) _nezuctl_words "information warning error"; return ;;
        --role) _nezuctl_words "manager probe client"; return ;;
        -s|--sort) _nezuctl_words "name rate errors p95"; return ;;
        --last|--for|--lifetime|--wait-timeout|--timeout) _nezuctl_words "10s 30s 1m 10m 1h 24h 7d 30d"; return ;;
        --from|--to) _nezuctl_words "now -10m -1h -24h"; return ;;
        --probe) _nezuctl_offer "$(_nezuctl_names probe list)"; return ;;
        --target) _nezuctl_offer "$(_nezuctl_targets "$service")"; return ;;
        -u|--url|--manager|--limit|--host|--name|--source) return ;;
    esac

    local globals="--url --timeout --utc --help"
    if [[ -z $command ]]; then
        if [[ $cur == -* ]]; then _nezuctl_words "$globals --version"
        else _nezuctl_words "service monitor status top query probe failover event discovery pki completion version"; fi
        return
    fi

    case "$command $verb" in
        "service ") [[ $cur == -* ]] && _nezuctl_words "$globals" || _nezuctl_words "apply diff export list show delete" ;;
        "monitor ") [[ $cur == -* ]] && _nezuctl_words "$globals" || _nezuctl_words "start stop" ;;
        "probe "|"failover ") [[ $cur == -* ]] && _nezuctl_words "$globals" || _nezuctl_words "list show" ;;
        "event ") [[ $cur == -* ]] && _nezuctl_words "$globals" || _nezuctl_words "list" ;;
        "discovery ") [[ $cur == -* ]] && _nezuctl_words "$globals" || _nezuctl_words "start stop list show" ;;
        "pki ") [[ $cur == -* ]] && _nezuctl_words "$globals" || _nezuctl_words "init issue list show" ;;
        "completion "*) _nezuctl_words "bash zsh fish" ;;
        "service apply") _nezuctl_words "--file --dry-run --prune --json $globals" ;;
        "service diff") _nezuctl_words "--file --prune --exit-code --json $globals" ;;
        "service export") [[ $cur == -* ]] && _nezuctl_words "--output $globals" || _nezuctl_offer "$(_nezuctl_names service list)" ;;
        "service show") [[ $cur == -* ]] && _nezuctl_words "--json $globals" || _nezuctl_offer "$(_nezuctl_names service list)" ;;
        "service delete") [[ $cur == -* ]] && _nezuctl_words "--yes $globals" || _nezuctl_offer "$(_nezuctl_names service list)" ;;
        "service list"|"probe list"|"failover list") _nezuctl_words "--json --names $globals" ;;
        "monitor "*) [[ $cur == -* ]] && _nezuctl_words "--all --wait --wait-timeout --json $globals" || _nezuctl_offer "$(_nezuctl_names service list)" ;;
        "top "*) [[ $cur == -* ]] && _nezuctl_words "--once --targets --sort $globals" || _nezuctl_offer "$(_nezuctl_names service list)" ;;
        "query "*)
            if [[ $cur == -* || -n $service ]]; then _nezuctl_words "--target --probe --last --from --to --step --json --csv --wide $globals"
            else _nezuctl_offer "$(_nezuctl_names service list)"; fi ;;
        "probe show") [[ $cur == -* ]] && _nezuctl_words "--json $globals" || _nezuctl_offer "$(_nezuctl_names probe list)" ;;
        "failover show") [[ $cur == -* ]] && _nezuctl_words "--json $globals" || _nezuctl_offer "$(_nezuctl_names failover list)" ;;
        "event list") _nezuctl_words "--open --severity --limit --json $globals" ;;
        "discovery start") _nezuctl_words "--probe --source --for --json $globals" ;;
        "discovery stop") [[ $cur == -* ]] && _nezuctl_words "--probe --all --json $globals" || _nezuctl_offer "$(_nezuctl_names discovery list)" ;;
        "discovery list") _nezuctl_words "--probe --json --csv --names $globals" ;;
        "discovery show") [[ $cur == -* ]] && _nezuctl_words "--json --csv $globals" || _nezuctl_offer "$(_nezuctl_names discovery list)" ;;
        "pki init") _nezuctl_words "--dir --name --lifetime --force $globals" ;;
        "pki issue") _nezuctl_words "--dir --name --role --host --lifetime --force $globals" ;;
        "pki list") _nezuctl_words "--dir --json $globals" ;;
        "pki show") [[ $cur == -* ]] && _nezuctl_words "--dir --json $globals" || COMPREPLY=($(compgen -f -X '!*.crt' -- "$cur")) ;;
        *) _nezuctl_words "--json $globals" ;;
    esac
}

complete -F _nezuctl nezuctl
