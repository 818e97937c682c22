"""All words of the Home page, in English and German, for readers of fourteen years. Markdown, no HTML.

Steps and mistakes are named as in scenes.py: a title, a text, and what to look for or to do.
"""

TEXTS = {
    "en": dict(
        title="Can you catch a galaxy in a ring?",
        lead="Two galaxies stand one behind the other. The gravity of the one in front bends the light of the one "
             "behind. **Drag the star and watch.**",
        story="The story in six steps", look="Look for", back="Back", next="Next", start="Begin",
        steps=dict(
            bend=("A galaxy bends light",
                  "Mass bends space, and light follows it. So a galaxy far behind does not appear where it is: here "
                  "the star marks its true place, the pink dot where you see it.",
                  "Drag the star nearer to the cross. The image moves away, is stretched, and then a second, fainter "
                  "image appears on the other side."),
            ring=("Line up, and get a ring",
                  "Source, lens and you stand in one line. No side is better than another, so the light comes round "
                  "on all sides at once: an Einstein ring.",
                  "Pull the star a little to one side. The ring breaks into two arcs."),
            cross=("Break the symmetry, and get a cross",
                   "Real galaxies are not round. A stretched lens makes four images out of a small source: an Einstein "
                   "cross.",
                   "Turn the knob: the cross turns with it. Then pull the star over the dashed line: two images meet, "
                   "flare up and are gone."),
            weigh=("Weigh the lens",
                   "The size of the ring weighs everything inside it, seen or dark. Twice the radius means four times "
                   "the mass, as long as the distances stay the same. Most of a galaxy's mass gives no light: we know "
                   "it from measurements like this one.",
                   "Press **+ mass** until the ring is twice as large, and read the mass below."),
            clump=("Hide a dark clump",
                   "A clump of dark matter sits on the ring, a fiftieth of the mass inside it or less. It gives no "
                   "light and takes none away. But it bends.",
                   "Press **Blink the dark matter** and see which knots jump. Then drag the green circle along the "
                   "ring."),
            ask=("Ask the network",
                 "Now there are almost a hundred clumps, most of them too light for your eye. A neural network has "
                 "seen many thousand simulated lenses. It answers with a probability for each kind of dark matter, and "
                 "it is sometimes wrong.",
                 "Blink once more. Then take this lens to the network.")),
        ask_door="Ask a network about this lens",
        mass="With these distances the mass inside the ring is **{mass}** suns.",
        mistakes_title="Five things that are not so", try_it="Try it", go="to",
        mistakes=dict(
            object=("“The ring is a thing in space.”",
                    "It is one galaxy, seen on all sides of another. Drag the star away: the ring is gone, and the "
                    "galaxy is still there."),
            glass=("“It focuses like a magnifying glass.”",
                   "A magnifying glass bends light most at its edge and has one focus. This lens bends light by nearly "
                   "the same angle everywhere and has no focus. Drag the star straight behind the lens: you get a "
                   "ring, never a sharp point."),
            colours=("“Different colours bend differently.”",
                     "That is a prism. Gravity bends all light alike. Here is the cross of step 3 as Euclid sees it, "
                     "in visible light; in step 3 JWST sees it in infrared. It is blurred more, but every dot stays "
                     "where it was."),
            dust=("“Dark matter is black holes or dust.”",
                  "Dust swallows light: press Blink, and see that the clump shifts light but takes none away. Black "
                  "holes as heavy as stars would make stars flare up by lensing; people looked for that for years, "
                  "and found far too few."),
            knows=("“The network knows the answer.”",
                   "This lens has no clumps at all. Take it to a network: it still gives every kind of dark matter a "
                   "share, and sometimes the largest share to a wrong one. How often, the Model page says.")),
        doors_title="Where to go from here",
        doors={"simulate.py": "Build a lens with every slider, and see what a telescope would see.",
               "match.py": "Turn your lens until it looks like another one, or hunt for a dark clump.",
               "quiz.py": "Ten images: can you tell the dark matter better than a network?",
               "classify.py": "Let networks look at your lens, and see what they looked at.",
               "measure.py": "What numbers a network reads off your lens, and how sure it is.",
               "reconstruct.py": "The whole lens and its source out of one image, with errors.",
               "odd.py": "How unlike all usual lenses an image is, and where.",
               "generate.py": "A network paints lenses that nobody has ever seen.",
               "train.py": "Teach a network of your own.",
               "model.py": "How good a network is, and where it fails.",
               "teachers.py": "A lesson of 45 minutes, with sheets to print.",
               "glossary.py": "Every word of these pages, explained.",
               "physics.py": "The formulas, and who found them."}),
    "de": dict(
        title="Kannst du eine Galaxie zu einem Ring biegen?",
        lead="Zwei Galaxien stehen hintereinander. Die Schwerkraft der vorderen lenkt das Licht der hinteren ab. "
             "**Zieh den Stern und schau zu.**",
        story="Die Geschichte in sechs Schritten", look="Achte darauf", back="Zurück", next="Weiter", start="Anfangen",
        steps=dict(
            bend=("Eine Galaxie lenkt Licht ab",
                  "Masse krümmt den Raum, und das Licht folgt ihm. Darum erscheint eine ferne Galaxie nicht dort, wo "
                  "sie ist: Der Stern zeigt ihren wahren Ort, der rosa Punkt den, an dem du sie siehst.",
                  "Zieh den Stern näher an das Kreuz. Das Bild weicht aus, wird gestreckt, und dann erscheint auf der "
                  "anderen Seite ein zweites, schwächeres."),
            ring=("Alles in einer Linie: ein Ring",
                  "Quelle, Linse und du stehen in einer Linie. Keine Seite ist besser als eine andere, also kommt das "
                  "Licht auf allen Seiten zugleich herum: ein Einsteinring.",
                  "Zieh den Stern ein wenig zur Seite. Der Ring zerbricht in zwei Bögen."),
            cross=("Weniger rund: ein Kreuz",
                   "Echte Galaxien sind nicht rund. Eine gestreckte Linse macht aus einer kleinen Quelle vier Bilder: "
                   "ein Einsteinkreuz.",
                   "Dreh den Knopf: Das Kreuz dreht sich mit. Zieh dann den Stern über die gestrichelte Linie: Zwei "
                   "Bilder treffen sich, leuchten auf und sind weg."),
            weigh=("Wieg die Linse",
                   "Die Größe des Rings wiegt alles, was in ihm liegt, hell oder dunkel. Doppelter Radius heißt "
                   "vierfache Masse, solange die Abstände gleich bleiben. Der größte Teil der Masse einer Galaxie "
                   "leuchtet nicht: Das wissen wir aus Messungen wie dieser.",
                   "Drück **+ Masse**, bis der Ring doppelt so groß ist, und lies darunter die Masse ab."),
            clump=("Versteck einen dunklen Klumpen",
                   "Auf dem Ring sitzt ein Klumpen dunkler Materie, ein Fünfzigstel der Masse im Ring oder weniger. "
                   "Er leuchtet nicht und verschluckt kein Licht. Aber er lenkt ab.",
                   "Drück **Dunkle Materie blinken lassen** und sieh, welche Knoten springen. Zieh dann den grünen "
                   "Kreis am Ring entlang."),
            ask=("Frag das Netz",
                 "Jetzt sind es fast hundert Klumpen, die meisten zu leicht für dein Auge. Ein neuronales Netz hat "
                 "viele tausend simulierte Linsen gesehen. Es antwortet mit einer Wahrscheinlichkeit für jede Art "
                 "dunkler Materie, und manchmal irrt es sich.",
                 "Lass noch einmal blinken. Bring dann diese Linse zum Netz.")),
        ask_door="Ein Netz nach dieser Linse fragen",
        mass="Bei diesen Abständen liegen im Ring **{mass}** Sonnenmassen.",
        mistakes_title="Fünf Dinge, die nicht stimmen", try_it="Probier es", go="zu",
        mistakes=dict(
            object=("„Der Ring ist ein Ding im All.“",
                    "Er ist eine einzige Galaxie, gesehen auf allen Seiten einer anderen. Zieh den Stern weg: Der Ring "
                    "ist fort, und die Galaxie ist noch da."),
            glass=("„Sie bündelt Licht wie eine Lupe.“",
                   "Eine Lupe lenkt am Rand am stärksten ab und hat einen Brennpunkt. Diese Linse lenkt überall um "
                   "fast denselben Winkel ab und hat keinen. Zieh den Stern genau hinter die Linse: Du bekommst einen "
                   "Ring, nie einen scharfen Punkt."),
            colours=("„Farben werden verschieden abgelenkt.“",
                     "Das tut ein Prisma. Schwerkraft lenkt alles Licht gleich ab. Hier ist das Kreuz aus Schritt 3, "
                     "wie Euclid es in sichtbarem Licht sieht; in Schritt 3 sieht JWST es in Infrarot. Es ist "
                     "unschärfer, aber jeder Punkt bleibt, wo er war."),
            dust=("„Dunkle Materie ist schwarze Löcher oder Staub.“",
                  "Staub verschluckt Licht: Lass blinken und sieh, dass der Klumpen Licht verschiebt, aber keines "
                  "wegnimmt. Schwarze Löcher, so schwer wie Sterne, ließen Sterne durch Linseneffekt aufleuchten; "
                  "danach wurde jahrelang gesucht, und man fand viel zu wenige."),
            knows=("„Das Netz weiß die Antwort.“",
                   "Diese Linse hat gar keine Klumpen. Bring sie zu einem Netz: Es gibt trotzdem jeder Art dunkler "
                   "Materie einen Anteil, und manchmal den größten einer falschen. Wie oft, sagt die Seite Model.")),
        doors_title="Wohin es von hier geht",
        doors={"simulate.py": "Bau eine Linse mit allen Reglern und sieh, was ein Teleskop sähe.",
               "match.py": "Dreh deine Linse, bis sie einer anderen gleicht, oder such einen dunklen Klumpen.",
               "quiz.py": "Zehn Bilder: Erkennst du die dunkle Materie besser als ein Netz?",
               "classify.py": "Lass Netze deine Linse ansehen, und sieh, worauf sie geachtet haben.",
               "measure.py": "Welche Zahlen ein Netz aus deiner Linse liest, und wie sicher es ist.",
               "reconstruct.py": "Die ganze Linse und ihre Quelle aus einem Bild, mit Fehlern.",
               "odd.py": "Wie sehr ein Bild von allem Üblichen abweicht, und wo.",
               "generate.py": "Ein Netz malt Linsen, die noch niemand gesehen hat.",
               "train.py": "Bring einem eigenen Netz etwas bei.",
               "model.py": "Wie gut ein Netz ist, und wo es versagt.",
               "teachers.py": "Eine Stunde von 45 Minuten, mit Blättern zum Drucken.",
               "glossary.py": "Jedes Wort dieser Seiten, erklärt (auf Englisch).",
               "physics.py": "Die Formeln, und wer sie fand (auf Englisch)."}),
}
GROUPS = {"en": {}, "de": {"Play": "Spielen", "Ask": "Fragen", "Make": "Selbst machen",
                           "Behind the scenes": "Hinter den Kulissen"}}
