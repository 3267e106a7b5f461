# fish completion for nezuctl. Names of services, probes, failovers and discoveries are asked of the manager.

# Asks the manager whose address stands on the line, else the usual one.
function __nezuctl_ask
    set -l words (commandline -opc)
    set -l url
    for i in (seq (count $words))
        if contains -- $words[$i] -u --url --manager; and test $i -lt (count $words)
            set url --url $words[(math $i + 1)]
        else if string match -qr -- '^--(url|manager)=' $words[$i]
            set url --url (string replace -r -- '^--(url|manager)=' '' $words[$i])
        end
    end
    nezuctl $url --timeout 2s $argv 2>/dev/null
end
function __nezuctl_names
    __nezuctl_ask $argv[1] list --names
end
# Web transactions of the service that stands on the line, if one does already.
function __nezuctl_targets
    echo all
    set -l plain (__nezuctl_plain)
    test (count $plain) -ge 2; or return
    __nezuctl_ask service export $plain[2] | sed -n '/transactions:/,$s/^ *- *name: *"\{0,1\}\([^"]*\)"\{0,1\} *$/\1/p'
end

# The words before the cursor that are neither options nor their values.
function __nezuctl_plain
    set -l words (commandline -opc)
    set -e words[1]
    set -l skip 0
    for word in $words
        if test $skip -eq 1
            set skip 0
        else if contains -- $word -u --url --manager --timeout -f --file -o --output --target --probe --last --from --to --step --severity --limit --wait-timeout -s --sort -d --dir --name --role --host --lifetime --source --for
            set skip 1
        else if not string match -q -- '-*' $word
            echo $word
        end
    end
end
# Whether the command (and its verb) stand on the line already.
function __nezuctl_at
    set -l plain (__nezuctl_plain)
    if test (count $argv) -eq 0
        test (count $plain) -eq 0
    else if test (count $argv) -eq 1
        test (count $plain) -eq 1; and test "$plain[1]" = "$argv[1]"
    else
        test (count $plain) -ge 2; and test "$plain[1]" = "$argv[1]"; and contains -- $plain[2] $argv[2..]
    end
end
function __nezuctl_command
    set -l plain (__nezuctl_plain)
    test "$plain[1]" = "$argv[1]"
end

complete -c nezuctl -f
complete -c nezuctl -s u -l url -x -d "the manager's API"
complete -c nezuctl -l manager -x -d "the manager's API"
complete -c nezuctl -n __nezuctl_at -l version -d 'the version of nezuctl'
complete -c nezuctl -l timeout -x -a '500ms 2s 30s' -d 'for one answer of the manager'
complete -c nezuctl -l utc -d 'times in UTC'
complete -c nezuctl -s h -l help -d help

complete -c nezuctl -n __nezuctl_at -a service -d 'definitions: what is watched'
complete -c nezuctl -n __nezuctl_at -a monitor -d 'starts and stops monitoring'
complete -c nezuctl -n __nezuctl_at -a status -d "the manager's state"
complete -c nezuctl -n __nezuctl_at -a top -d 'live table of all services'
complete -c nezuctl -n __nezuctl_at -a query -d 'figures of a service over time'
complete -c nezuctl -n __nezuctl_at -a probe -d 'the probes and their instances'
complete -c nezuctl -n __nezuctl_at -a failover -d 'the records of failovers'
complete -c nezuctl -n __nezuctl_at -a event -d 'what the manager has to tell'
complete -c nezuctl -n __nezuctl_at -a discovery -d 'what is on the wire'
complete -c nezuctl -n __nezuctl_at -a pki -d 'a small certificate authority'
complete -c nezuctl -n __nezuctl_at -a completion -d 'completion script of a shell'
complete -c nezuctl -n __nezuctl_at -a version -d versions

complete -c nezuctl -n '__nezuctl_at service' -a 'apply diff export list show delete'
complete -c nezuctl -n '__nezuctl_at monitor' -a 'start stop'
complete -c nezuctl -n '__nezuctl_at probe' -a 'list show'
complete -c nezuctl -n '__nezuctl_at failover' -a 'list show'
complete -c nezuctl -n '__nezuctl_at event' -a list
complete -c nezuctl -n '__nezuctl_at discovery' -a 'start stop list show'
complete -c nezuctl -n '__nezuctl_at pki' -a 'init issue list show'
complete -c nezuctl -n '__nezuctl_at completion' -a 'bash zsh fish'

complete -c nezuctl -n '__nezuctl_at service show export delete' -a '(__nezuctl_names service)'
complete -c nezuctl -n '__nezuctl_at monitor start stop' -a '(__nezuctl_names service)'
complete -c nezuctl -n '__nezuctl_at query' -a '(__nezuctl_names service)'
complete -c nezuctl -n '__nezuctl_command top' -a '(__nezuctl_names service)'
complete -c nezuctl -n '__nezuctl_at probe show' -a '(__nezuctl_names probe)'
complete -c nezuctl -n '__nezuctl_at failover show' -a '(__nezuctl_names failover)'
complete -c nezuctl -n '__nezuctl_at discovery stop show' -a '(__nezuctl_names discovery)'

complete -c nezuctl -n '__nezuctl_at service apply diff' -s f -l file -r -F -d 'file of services'
complete -c nezuctl -n '__nezuctl_at service apply' -l dry-run -d 'only say what would change'
complete -c nezuctl -n '__nezuctl_at service apply diff' -l prune -d 'delete the others'
complete -c nezuctl -n '__nezuctl_at service diff' -l exit-code -d 'status 1 where something differs'
complete -c nezuctl -n '__nezuctl_at service export' -s o -l output -r -F -d 'write to this file'
complete -c nezuctl -n '__nezuctl_at service delete' -s y -l yes -d "don't ask"
complete -c nezuctl -n '__nezuctl_at monitor start stop' -l all -d 'every service'
complete -c nezuctl -n '__nezuctl_at monitor start stop' -l wait -d 'until confirmed'
complete -c nezuctl -n '__nezuctl_at monitor start stop' -l wait-timeout -x -a '10s 30s 90s 10m' -d 'how long'
complete -c nezuctl -n '__nezuctl_command query' -l target -x -a '(__nezuctl_targets)' -d 'web transaction'
complete -c nezuctl -n '__nezuctl_command query' -l probe -x -a '(__nezuctl_names probe)' -d 'logical probe'
complete -c nezuctl -n '__nezuctl_command query' -l last -x -a '10m 1h 24h 7d 30d' -d span
complete -c nezuctl -n '__nezuctl_command query' -l from -x -a 'now -10m -1h -24h' -d begin
complete -c nezuctl -n '__nezuctl_command query' -l to -x -a 'now -10m -1h -24h' -d end
complete -c nezuctl -n '__nezuctl_command query' -l step -x -a 'auto 1s 10s 1m 1h 1d'
complete -c nezuctl -n '__nezuctl_command query' -l csv -d 'as CSV'
complete -c nezuctl -n '__nezuctl_command query' -s w -l wide -d 'more columns'
complete -c nezuctl -n '__nezuctl_command top' -l once -d 'one table'
complete -c nezuctl -n '__nezuctl_command top' -s t -l targets -d 'web transactions too'
complete -c nezuctl -n '__nezuctl_command top' -s s -l sort -x -a 'name rate errors p95'
complete -c nezuctl -n '__nezuctl_at event list' -l open -d 'not closed'
complete -c nezuctl -n '__nezuctl_at event list' -l severity -x -a 'information warning error'
complete -c nezuctl -n '__nezuctl_at event list' -l limit -x
complete -c nezuctl -n '__nezuctl_at discovery start stop list' -l probe -x -a '(__nezuctl_names probe)' -d 'logical probe'
complete -c nezuctl -n '__nezuctl_at discovery start' -l source -x -d 'client address or prefix'
complete -c nezuctl -n '__nezuctl_at discovery start' -l for -x -a '1m 10m 1h 24h' -d 'time limit'
complete -c nezuctl -n '__nezuctl_at discovery stop' -l all -d 'everything that is running'
complete -c nezuctl -n '__nezuctl_at discovery list show' -l csv -d 'as CSV'
complete -c nezuctl -n '__nezuctl_at discovery list' -l names -d 'numbers only'
complete -c nezuctl -n '__nezuctl_at discovery start stop list show' -l json -d 'as JSON'
complete -c nezuctl -n '__nezuctl_command pki' -s d -l dir -x -a '(__fish_complete_directories)'
complete -c nezuctl -n '__nezuctl_at pki show' -a '(__fish_complete_suffix .crt)'
complete -c nezuctl -n '__nezuctl_at pki init issue' -l name -x -d name
complete -c nezuctl -n '__nezuctl_at pki init issue' -l lifetime -x -a '90d 825d 3650d' -d validity
complete -c nezuctl -n '__nezuctl_at pki init issue' -l force -d 'replace what is there'
complete -c nezuctl -n '__nezuctl_at pki issue' -l role -x -a 'manager probe client' -d role
complete -c nezuctl -n '__nezuctl_at pki issue' -l host -x -a '(__fish_print_hostnames)' -d 'name or address'
complete -c nezuctl -n '__nezuctl_at service apply diff list show' -l json -d 'as JSON'
complete -c nezuctl -n '__nezuctl_at monitor start stop; or __nezuctl_at probe list show; or __nezuctl_at failover list show' -l json -d 'as JSON'
complete -c nezuctl -n '__nezuctl_at event list; or __nezuctl_at pki list show' -l json -d 'as JSON'
complete -c nezuctl -n '__nezuctl_command status; or __nezuctl_command query; or __nezuctl_command version' -l json -d 'as JSON'
complete -c nezuctl -n '__nezuctl_at service list; or __nezuctl_at probe list; or __nezuctl_at failover list' -l names -d 'names only'
