"""The words of the Teachers page and of its sheets to print.

Questions stand before and after the lesson; an answer is the place of the right choice, and why.
"""

TEXTS = {
    "en": dict(
        title="A lesson with a lens: 45 minutes",
        lead="For pupils of fourteen and older. One device for two of them, phones included; nothing is installed, "
             "nobody signs in, no photo leaves a device.",
        open_title="Open the app to the class", here="The class opens **{link}**, or scans this code. They must be in "
             "the same network as this machine.",
        closed="Start the app with `make class` (or `python -m lenslab.ui.teachers.serve`): it shows an address and a "
               "QR code for the class here, in public mode, where nobody can start trainings. Without a network, "
               "`make live.html` writes the live lens as one file for a stick.",
        load="Try the load before the lesson: `python benchmarks/class_load.py`.",
        plan_title="The plan",
        plan=[("5 min", "Predict", "Five questions on paper, without help. Then: what would you see if a galaxy stood "
                                   "exactly behind another? Draw it."),
              ("15 min", "Play", "Home page: the six steps, in pairs. One drags, the other says what to look for; "
                                 "change over after three steps."),
              ("10 min", "Weigh a lens by hand", "The sheet with the ring, and a ruler: radius, formula, mass. Compare "
                                                 "with the Home page, step 4."),
              ("10 min", "Quiz", "Everybody plays the same ten images with the code of the class. Look at the pooled "
                                 "score: did the class beat the network? Did it beat dice?"),
              ("5 min", "Exit ticket", "The same five questions once more, and one sentence: what did you not "
                                       "expect?")],
        code_title="A code for the quiz", code_make="Make a code",
        code="The code of your class is **{code}**. The class opens this link; all play the same ten images, and the "
             "scores are added up, without names. They are gone after a day.",
        code_lead="Everybody with the code plays the same ten images. At the end stands what the class had right "
                  "together.",
        sheets_title="Sheets to print", tasks="Tasks for the class", answers="Answers for you",
        sheets="They open in a browser; print them at 100 % (no fitting to the page), or the ruler lies.",
        sheet_title="Gravitational lenses", sheet_answers="Gravitational lenses: answers",
        before="Before and after: five questions", weigh_title="Weigh a lens by hand",
        weigh="The ring below is a galaxy behind another galaxy. On this sheet **1 arcsecond is {scale:g} cm** long. "
              "(Check: the bar is {bar:g} cm long.)",
        weigh_steps=["Measure the diameter of the ring, along the middle of its light, in several directions. Mean: "
                     "______ cm", "The radius is half of it: ______ cm, that is θ = ______ arcseconds.",
                     "For these distances the mass inside a ring of 1 arcsecond is {unit} suns, and it grows with the "
                     "square: M = {unit} × θ². So M = ______ suns.",
                     "The stars of this galaxy weigh about {stars} suns. How much of the mass inside the ring gives no "
                     "light? ______", "How sure are you? If the radius is wrong by a tenth, by how much is the mass?"],
        weigh_answers=["The radius of the ring is θ = {theta:.2f} arcseconds ({cm:.1f} cm; the diameter {diameter:.1f} "
                       "cm).", "The mass is {mass} suns.", "About {dark:.0%} of it gives no light (the mass of the "
                       "stars is a typical value, chosen for this sheet).", "A tenth of the radius is a fifth of the "
                       "mass, since it enters squared."],
        tasks_title="Tasks at the screen",
        tasks_list=["Home, step 1: at what place of the star does a second image appear? What line is there?",
                    "Home, step 2: why is it a ring and not a point?",
                    "Home, step 3: how many images does the cross have? Where must the star go so that two of them "
                    "are gone?", "Home, step 5: where must the clump sit to be noticed, and where is it invisible?",
                    "Match: build mystery lens 1. Your best score: ______ %"],
        tasks_answers=["At the outer line (the cut): outside of it one image is seen, inside two.",
                       "Light comes round on all sides, and no side is better than another. A lens of gravity has no "
                       "focus.", "Four; over the dashed line (the caustic).",
                       "On the light of the ring. Away from it there is nothing to be bent that one could see.",
                       "Above 90 % is very good."],
        questions=[("What is an Einstein ring?", ["a ring of gas round a star", "one galaxy, seen on all sides of "
                                                  "another", "a ring of dark matter"], 1,
                    "Its light comes round the galaxy in front on all sides."),
                   ("What bends the light?", ["glass-like gas", "dust", "mass, by its gravity"], 2,
                    "All mass does, seen or dark."),
                   ("Blue light and red light of the same galaxy are bent ...", ["blue more", "red more", "alike"], 2,
                    "A prism tells colours apart, gravity does not."),
                   ("The ring becomes twice as large (same distances). The mass inside is ...",
                    ["twice as large", "four times as large", "the same"], 1, "It grows as the radius squared."),
                   ("A neural network says: 70 % cold dark matter. That means ...",
                    ["it is cold dark matter", "if it is well calibrated, it is right in about 7 of 10 such cases",
                     "70 % of the mass is cold"], 1, "It is a probability, and the network can be wrong.")]),
    "de": dict(
        title="Eine Stunde mit einer Linse: 45 Minuten",
        lead="Für Jugendliche ab vierzehn. Ein Gerät für zwei, auch Telefone; nichts wird installiert, niemand meldet "
             "sich an, kein Foto verlässt ein Gerät.",
        open_title="Die App für die Klasse öffnen", here="Die Klasse öffnet **{link}** oder scannt diesen Code. Alle "
             "müssen im selben Netz sein wie dieser Rechner.",
        closed="Starte die App mit `make class` (oder `python -m lenslab.ui.teachers.serve`): Dann stehen hier eine "
               "Adresse und ein QR-Code für die Klasse, im öffentlichen Modus, in dem niemand Trainings startet. Ohne "
               "Netz schreibt `make live.html` die Linse als eine Datei für einen Stick.",
        load="Probier die Last vor der Stunde: `python benchmarks/class_load.py`.",
        plan_title="Der Plan",
        plan=[("5 min", "Vorhersagen", "Fünf Fragen auf Papier, ohne Hilfe. Dann: Was sähest du, wenn eine Galaxie "
                                       "genau hinter einer anderen stünde? Zeichne es."),
              ("15 min", "Spielen", "Startseite: die sechs Schritte, zu zweit. Eine Person zieht, die andere sagt, "
                                    "worauf zu achten ist; nach drei Schritten wird getauscht."),
              ("10 min", "Eine Linse von Hand wiegen", "Das Blatt mit dem Ring und ein Lineal: Radius, Formel, Masse. "
                                                       "Vergleicht mit Schritt 4 der Startseite."),
              ("10 min", "Quiz", "Alle spielen mit dem Code der Klasse dieselben zehn Bilder. Seht euch das gemeinsame "
                                 "Ergebnis an: War die Klasse besser als das Netz? Besser als Würfel?"),
              ("5 min", "Zum Schluss", "Dieselben fünf Fragen noch einmal, und ein Satz: Was hättest du nicht "
                                       "erwartet?")],
        code_title="Ein Code für das Quiz", code_make="Code erzeugen",
        code="Der Code deiner Klasse ist **{code}**. Die Klasse öffnet diesen Link; alle spielen dieselben zehn "
             "Bilder, und die Ergebnisse werden ohne Namen zusammengezählt. Nach einem Tag sind sie fort.",
        code_lead="Wer den Code hat, spielt dieselben zehn Bilder. Am Ende steht, was die Klasse zusammen wusste.",
        sheets_title="Blätter zum Drucken", tasks="Aufgaben für die Klasse", answers="Lösungen für dich",
        sheets="Sie öffnen sich im Browser; druck sie mit 100 % (nicht an die Seite anpassen), sonst lügt das Lineal.",
        sheet_title="Gravitationslinsen", sheet_answers="Gravitationslinsen: Lösungen",
        before="Vorher und nachher: fünf Fragen", weigh_title="Eine Linse von Hand wiegen",
        weigh="Der Ring unten ist eine Galaxie hinter einer anderen. Auf diesem Blatt ist **1 Bogensekunde {scale:g} "
              "cm** lang. (Prüfe: Der Balken ist {bar:g} cm lang.)",
        weigh_steps=["Miss den Durchmesser des Rings, in der Mitte seines Lichts, in mehreren Richtungen. Mittel: "
                     "______ cm", "Der Radius ist die Hälfte: ______ cm, das sind θ = ______ Bogensekunden.",
                     "Bei diesen Abständen ist die Masse in einem Ring von 1 Bogensekunde {unit} Sonnen, und sie "
                     "wächst mit dem Quadrat: M = {unit} × θ². Also M = ______ Sonnen.",
                     "Die Sterne dieser Galaxie wiegen etwa {stars} Sonnen. Wie viel der Masse im Ring leuchtet "
                     "nicht? ______", "Wie sicher bist du? Wenn der Radius um ein Zehntel falsch ist, um wie viel ist "
                     "es die Masse?"],
        weigh_answers=["Der Radius des Rings ist θ = {theta:.2f} Bogensekunden ({cm:.1f} cm; der Durchmesser "
                       "{diameter:.1f} cm).", "Die Masse ist {mass} Sonnen.", "Etwa {dark:.0%} davon leuchten nicht "
                       "(die Masse der Sterne ist ein typischer Wert, für dieses Blatt gewählt).", "Ein Zehntel des "
                       "Radius ist ein Fünftel der Masse, denn er geht quadratisch ein."],
        tasks_title="Aufgaben am Bildschirm",
        tasks_list=["Startseite, Schritt 1: Wo steht der Stern, wenn ein zweites Bild erscheint? Welche Linie ist da?",
                    "Startseite, Schritt 2: Warum ist es ein Ring und kein Punkt?",
                    "Startseite, Schritt 3: Wie viele Bilder hat das Kreuz? Wohin muss der Stern, damit zwei davon "
                    "verschwinden?", "Startseite, Schritt 5: Wo muss der Klumpen sitzen, damit man ihn bemerkt, und wo "
                    "ist er unsichtbar?", "Match: Bau die Rätsellinse 1 nach. Dein bestes Ergebnis: ______ %"],
        tasks_answers=["An der äußeren Linie (dem Schnitt): Außerhalb sieht man ein Bild, innerhalb zwei.",
                       "Das Licht kommt auf allen Seiten herum, keine ist besser. Eine Schwerkraftlinse hat keinen "
                       "Brennpunkt.", "Vier; über die gestrichelte Linie (die Kaustik).",
                       "Auf dem Licht des Rings. Woanders ist nichts, dessen Ablenkung man sehen könnte.",
                       "Über 90 % ist sehr gut."],
        questions=[("Was ist ein Einsteinring?", ["ein Ring aus Gas um einen Stern", "eine Galaxie, gesehen auf allen "
                                                  "Seiten einer anderen", "ein Ring aus dunkler Materie"], 1,
                    "Ihr Licht kommt auf allen Seiten um die vordere Galaxie herum."),
                   ("Was lenkt das Licht ab?", ["Gas, das wie Glas wirkt", "Staub", "Masse, durch ihre Schwerkraft"], 2,
                    "Das tut alle Masse, hell oder dunkel."),
                   ("Blaues und rotes Licht derselben Galaxie wird ...", ["blaues stärker abgelenkt",
                                                                         "rotes stärker abgelenkt", "gleich abgelenkt"],
                    2, "Ein Prisma trennt Farben, Schwerkraft nicht."),
                   ("Der Ring wird doppelt so groß (gleiche Abstände). Die Masse darin ist ...",
                    ["doppelt so groß", "viermal so groß", "gleich"], 1, "Sie wächst mit dem Quadrat des Radius."),
                   ("Ein neuronales Netz sagt: 70 % kalte dunkle Materie. Das heißt ...",
                    ["es ist kalte dunkle Materie", "wenn es gut kalibriert ist, hat es in etwa 7 von 10 solchen "
                     "Fällen recht", "70 % der Masse sind kalt"], 1,
                    "Es ist eine Wahrscheinlichkeit, und das Netz kann irren.")]),
}
