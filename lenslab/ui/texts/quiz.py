"""The words of the Quiz page, and of what it says to a class."""

TEXTS = {
    "en": dict(
        title="Can you tell dark matter from a picture?",
        no_game="This link names no game. {error} Another one is played.",
        milder=" **{level}** on the left shows what it knows.",
        lenses="Lenses", kinds="{name}: {n} kinds", alone=", no network", hard="How hard",
        hard_help="Real substructure is at the edge of what can be seen, by eye mostly below it. To learn what to look "
                  "for, begin with clumps that are heavier than real.",
        levels={"plain": "Plain: heavy and sharp", "fair": "Fair: heavier than real",
                "real": "Real: as a telescope would see it"},
        game="Game number", game_help="The same number shows everybody the same ten images: put it on the board.",
        other="Other images", same="The same again",
        send="The address of this page carries the game: send it to a class.",
        drawing="The next lens is drawn", image="Image {number} of {of}",
        unknown_lens="a gravitational lens of unknown dark matter", you="You", of="{right} of {n}",
        network_help="Of the images that it may be asked about: those like what it learnt from.",
        chance_help="Right guesses that dice would have: one in {n}.", question="What is the dark matter here?",
        right_told="**Right**: it is **{truth}**.", wrong_told="**Not quite**: it is **{truth}**, you said {guessed}.",
        next="Next image", end="How did I do?",
        names={"smooth": "Smooth", "no_sub": "No substructure", "cdm": "Cold (CDM)", "wdm": "Warm (WDM)",
               "fdm": "Fuzzy (FDM)", "vortex": "Vortex line", "axion": "Axion"},
        score="{right} of {of} right.", no_answer="The network had no answer.", better="You beat the network.",
        even="You and the network are even.", worse="The network was better this time.",
        of_those="It could be asked about {n} of these images; the others are unlike what it learnt from. Of those {n} "
                 "you had {beside} right, the network {theirs}.",
        luck="Dice would have about {chance:.0f}. With ten images, luck alone moves a score by one or two: play again, "
             "or add up the scores of a class.",
        said="the network said", nothing="no answer", number="image", it_was="it was", you_said="you said",
        hints={
            "none":
                "Arcs are smooth; what wiggles is noise.",
            "cdm":
                "Clumps: a bend, a gap or a bright knot where a heavy one sits on the arc.",
            "wdm":
                "Like cold dark matter, but only the heavy clumps are there: fewer, larger bends.",
            "fdm":
                "Grains everywhere: the whole ring is rippled or patchy.",
            "vortex":
                "A straight line of mass: kinks of the arc along one line.",
            "deeplense_cdm":
                "Points of mass: sharp gaps and bright knots in the ring.",
            "deeplense_axion":
                "A line of points: the ring is cut or doubled along one direction."}, after={
            "none":
                "All mass of this lens is smooth. A ring can be lopsided or broken for many smooth reasons: the "
                "place and shape of the source, the stretch by neighbours.",
            "cdm":
                "Hundreds of dark clumps swarm through this lens; nearly all are too light to see. What shows is "
                "the few heavy ones that happen to sit on the light.",
            "wdm":
                "Warm particles streamed out of the small clumps, so only the larger ones are left. On the image "
                "that is nearly what cold dark matter does, and so it is often taken for it.",
            "fdm":
                "This dark matter is a wave. Where its crests add up the mass is denser: grains all over the "
                "lens, which ripple the whole ring rather than one place.",
            "vortex":
                "A straight line of mass crosses this lens, as a vortex of an axion condensate would. Where it "
                "meets the arc, the light is bent along a line.",
            "deeplense_cdm":
                "Point masses are strewn over this lens; each one close to the ring pinches it.",
            "deeplense_axion":
                "A hundred point masses stand on one line, as the DeepLense sets draw a vortex: the ring is "
                "disturbed along that line."},
        joined="Class **{code}**: your score joins those of the class when all ten images are done. No name is asked "
               "for, and all is gone after a day.",
        unknown="No class has the code {code}. It may be older than a day: ask your teacher for a new one. Your game "
                "counts for yourself.",
        pooled="The class so far",
        players="Played", right="Right on average", network="Network", chance="By chance",
        sentence="Together you were right in {share:.0%} of {n} guesses (with luck alone: {chance:.0%}).",
        images="All ten images: what they were, and how many of the class saw it",
        each="{number}: {truth} ({share:.0%} right)", own="{number}: {truth}", refresh="Look again"),
    "de": dict(
        title="Erkennst du dunkle Materie auf einem Bild?",
        no_game="Dieser Link nennt kein Spiel. {error} Ein anderes wird gespielt.",
        milder=" **{level}** links zeigt, was es kennt.",
        lenses="Linsen", kinds="{name}: {n} Arten", alone=", kein Netz", hard="Wie schwer",
        hard_help="Echte Klumpen liegen am Rand dessen, was man sehen kann, mit dem Auge meist darunter. Um zu lernen, "
                  "worauf zu achten ist, beginn mit Klumpen, die schwerer sind als echte.",
        levels={"plain": "Deutlich: schwer und scharf", "fair": "Mittel: schwerer als echt",
                "real": "Echt: wie ein Teleskop es sähe"},
        game="Nummer des Spiels",
        game_help="Dieselbe Nummer zeigt allen dieselben zehn Bilder: Schreib sie an die Tafel.",
        other="Andere Bilder", same="Dieselben noch einmal",
        send="Die Adresse dieser Seite trägt das Spiel: Schick sie einer Klasse.",
        drawing="Die nächste Linse wird gezeichnet", image="Bild {number} von {of}",
        unknown_lens="eine Gravitationslinse mit unbekannter dunkler Materie", you="Du", of="{right} von {n}",
        network_help="Von den Bildern, nach denen man es fragen darf: solchen, aus denen es gelernt hat.",
        chance_help="So viele träfe ein Würfel: eines von {n}.", question="Was für dunkle Materie ist hier?",
        right_told="**Richtig**: Es ist **{truth}**.",
        wrong_told="**Nicht ganz**: Es ist **{truth}**, du sagtest {guessed}.",
        next="Nächstes Bild", end="Wie gut war ich?",
        names={"smooth": "Glatt", "no_sub": "Keine Klumpen", "cdm": "Kalt (CDM)", "wdm": "Warm (WDM)",
               "fdm": "Wellig (FDM)", "vortex": "Wirbellinie", "axion": "Axion"},
        score="{right} von {of} richtig.", no_answer="Das Netz hatte keine Antwort.",
        better="Du warst besser als das Netz.",
        even="Du und das Netz, ihr seid gleich gut.", worse="Diesmal war das Netz besser.",
        of_those="Nach {n} dieser Bilder durfte man es fragen; die anderen gleichen nichts, woraus es gelernt hat. Von "
                 "diesen {n} hattest du {beside} richtig, das Netz {theirs}.",
        luck="Ein Würfel träfe etwa {chance:.0f}. Bei zehn Bildern macht das Glück allein ein oder zwei aus: Spiel "
             "noch einmal, oder zählt die Ergebnisse der Klasse zusammen.",
        said="das Netz sagte", nothing="keine Antwort", number="Bild", it_was="es war", you_said="du sagtest",
        hints={
            "none":
                "Bögen sind glatt; was wackelt, ist Rauschen.",
            "cdm":
                "Klumpen: eine Biegung, eine Lücke oder ein heller Knoten, wo ein schwerer auf dem Bogen sitzt.",
            "wdm":
                "Wie kalte dunkle Materie, aber nur die schweren Klumpen sind da: weniger und größere Biegungen.",
            "fdm":
                "Überall Körner: Der ganze Ring ist gewellt oder fleckig.",
            "vortex":
                "Eine gerade Linie aus Masse: Knicke des Bogens entlang einer Linie.",
            "deeplense_cdm":
                "Massenpunkte: scharfe Lücken und helle Knoten im Ring.",
            "deeplense_axion":
                "Eine Linie aus Punkten: Der Ring ist entlang einer Richtung zerschnitten oder verdoppelt."}, after={
            "none":
                "Alle Masse dieser Linse ist glatt. Ein Ring kann aus vielen glatten Gründen schief oder "
                "zerbrochen sein: Ort und Form der Quelle, die Gezeiten der Nachbarn.",
            "cdm":
                "Hunderte dunkle Klumpen schwärmen durch diese Linse; fast alle sind zu leicht, um sie zu sehen. "
                "Was sich zeigt, sind die wenigen schweren, die zufällig auf dem Licht sitzen.",
            "wdm":
                "Warme Teilchen strömten aus den kleinen Klumpen heraus, darum sind nur die größeren übrig. Im "
                "Bild ist das fast dasselbe wie bei kalter dunkler Materie, und so wird es oft dafür gehalten.",
            "fdm":
                "Diese dunkle Materie ist eine Welle. Wo sich ihre Berge treffen, ist die Masse dichter: Körner "
                "in der ganzen Linse, die den ganzen Ring wellen und nicht nur eine Stelle.",
            "vortex":
                "Eine gerade Linie aus Masse kreuzt diese Linse, wie es ein Wirbel eines Axion-Kondensats täte. "
                "Wo sie den Bogen trifft, wird das Licht entlang einer Linie abgelenkt.",
            "deeplense_cdm":
                "Massenpunkte sind über diese Linse verstreut; jeder, der nah am Ring ist, kneift ihn.",
            "deeplense_axion":
                "Hundert Massenpunkte stehen auf einer Linie, wie die DeepLense-Bilder einen Wirbel zeichnen: "
                "Der Ring ist entlang dieser Richtung gestört."},
        joined="Klasse **{code}**: Dein Ergebnis kommt zu denen der Klasse, sobald alle zehn Bilder durch sind. Nach "
               "Namen fragt niemand, und nach einem Tag ist alles fort.",
        unknown="Keine Klasse hat den Code {code}. Vielleicht ist er älter als ein Tag: Bitte um einen neuen. Dein "
                "Spiel zählt für dich.",
        pooled="Die Klasse bisher",
        players="Gespielt", right="Richtig im Mittel", network="Netz", chance="Durch Zufall",
        sentence="Zusammen wart ihr bei {share:.0%} von {n} Antworten richtig (nur mit Glück: {chance:.0%}).",
        images="Alle zehn Bilder: was sie waren, und wie viele der Klasse es sahen",
        each="{number}: {truth} ({share:.0%} richtig)", own="{number}: {truth}", refresh="Noch einmal nachsehen"),
}
