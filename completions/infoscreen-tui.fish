# fish completion for infoscreen-tui: the program itself knows the words.
function __infoscreen_tui_words
    set -l words (commandline -opc) (commandline -ct)
    $words[1] __complete $words[2..-1] 2>/dev/null
end
complete -c infoscreen-tui -a '(__infoscreen_tui_words)'
