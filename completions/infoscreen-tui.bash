# bash completion for infoscreen-tui: the program itself knows the words.
_infoscreen_tui() {
    local line
    COMPREPLY=()
    while IFS= read -r line; do
        COMPREPLY+=("$line")
    done < <("${COMP_WORDS[0]}" __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o bashdefault -o default -F _infoscreen_tui infoscreen-tui
