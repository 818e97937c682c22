"""What stands about the live lens, in English and German. A pair is what a button shows and what it is for."""

WORDS = {
    "en": dict(
        locale="en",
        name="A galaxy bends the light of another galaxy behind it.",
        told="{images} The ring that this lens makes of a source exactly behind it measures {theta_E}″; the source "
             "lies {offset}″ from the middle, and {times} times as much of its light arrives as without a lens.",
        images=["No image of the source's centre is seen.", "One image of the source's centre is seen.",
                "Two images of one source are seen.", "Three images of one source are seen.",
                "Four images of one source are seen.", "More than four images of one source are seen."],
        without="Without the dark clumps:",
        grips={"source": "The galaxy behind (star)", "lens": "The lens", "turn": "Direction of the lens (knob)",
               "substructure.clumps.0": "The dark clump"},
        lighter=["− mass", "Less mass: a smaller ring"], heavier=["+ mass", "More mass: a larger ring"],
        lines=["Lines", "Show or hide lines and dots"],
        blink=["Blink the dark matter", "With and without the dark clumps, in turns"],
        photo="Your photo as the source", back="The galaxy again",
        no_photo="This file could not be read as a picture. Take a photo, or choose a JPEG or PNG.",
        aside=dict(you="you", middle="lens", behind="source",
                   name="The same from the side: light leaves the source, is bent at the lens and reaches you on "
                        "several ways.",
                   text="The same from the side. Solid: the ways of the light. Dotted: where you see the images. The "
                        "angles are drawn many thousand times too wide, the distances not to scale."),
        legend="solid: where images are brightest (critical curve); dashed and dotted: where the number of images "
               "changes when the star crosses them (caustic, cut); dots: images of the star.",
        hint="Drag the star, the lens (inside its ring) or the knob. Two fingers, or the wheel after a click, change "
             "the mass. With keys: Tab, arrows, + and −. A photo stays in your browser."),
    "de": dict(
        locale="de",
        name="Eine Galaxie lenkt das Licht einer anderen ab, die hinter ihr steht.",
        told="{images} Der Ring, den diese Linse aus einer Quelle genau hinter ihr macht, misst {theta_E}″; die Quelle "
             "liegt {offset}″ neben der Mitte, und von ihrem Licht kommt {times}-mal so viel an wie ohne Linse.",
        images=["Von der Mitte der Quelle ist kein Bild zu sehen.", "Von der Mitte der Quelle ist ein Bild zu sehen.",
                "Zwei Bilder einer Quelle sind zu sehen.", "Drei Bilder einer Quelle sind zu sehen.",
                "Vier Bilder einer Quelle sind zu sehen.", "Mehr als vier Bilder einer Quelle sind zu sehen."],
        without="Ohne die dunklen Klumpen:",
        grips={"source": "Die Galaxie dahinter (Stern)", "lens": "Die Linse", "turn": "Richtung der Linse (Knopf)",
               "substructure.clumps.0": "Der dunkle Klumpen"},
        lighter=["− Masse", "Weniger Masse: ein kleinerer Ring"], heavier=["+ Masse", "Mehr Masse: ein größerer Ring"],
        lines=["Linien", "Linien und Punkte zeigen oder verbergen"],
        blink=["Dunkle Materie blinken lassen", "Abwechselnd mit und ohne die dunklen Klumpen"],
        photo="Dein Foto als Quelle", back="Wieder die Galaxie",
        no_photo="Diese Datei ließ sich nicht als Bild lesen. Mach ein Foto oder wähle ein JPEG oder PNG.",
        aside=dict(you="du", middle="Linse", behind="Quelle",
                   name="Dasselbe von der Seite: Licht verlässt die Quelle, wird an der Linse abgelenkt und erreicht "
                        "dich auf mehreren Wegen.",
                   text="Dasselbe von der Seite. Durchgezogen: die Wege des Lichts. Gepunktet: wo du die Bilder "
                        "siehst. Die Winkel sind vieltausendfach zu groß, die Abstände nicht maßstäblich."),
        legend="durchgezogen: wo Bilder am hellsten sind (kritische Kurve); gestrichelt und gepunktet: wo sich die "
               "Zahl der Bilder ändert, wenn der Stern darüber läuft (Kaustik, Schnitt); Punkte: Bilder des Sterns.",
        hint="Zieh den Stern, die Linse (innerhalb ihres Rings) oder den Knopf. Zwei Finger, oder das Mausrad nach "
             "einem Klick, ändern die Masse. Mit Tasten: Tab, Pfeile, + und −. Ein Foto bleibt in deinem Browser."),
}
