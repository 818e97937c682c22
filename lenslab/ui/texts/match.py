"""The words of the Match page."""

TEXTS = {
    "en": dict(
        title="Can you build the same lens?",
        games={"match": "Match a lens", "clump": "Find the dark clump"},
        which="Lens to match", mystery="Mystery lens {number}", hunt="Hunt {number}",
        target="The lens to match", yours="Yours: drag the star, the lens and the knob",
        lead="Turn your lens until the two pictures look alike. First the size of the ring, then the place of the "
             "star, then the shapes on the left.",
        lead_clump="Somewhere on this ring sits a dark clump. You know all else. Drag the green circle until χ² is as "
                   "low as it gets.",
        shapes={"lens.q": "Lens: how round (1 is round)", "source.R_sersic": "Source: half-light radius (″)",
                "source.q": "Source: how round", "source.phi": "Source: direction"},
        score="Explained", score_help="How much of what your first lens got wrong you have mended: 100 % when nothing "
                                      "but noise is left.",
        best="Best so far", chi2="χ² a pixel", chi2_help="How far yours is from the picture, in units of the noise. "
                                                         "1 is perfect.",
        residual="What is left: χ² = {chi2:.2f} a pixel", residual_alt="Picture less your lens, in units of the noise",
        look="White is good. Blue: you have too much light there; red: too little. Brightness is fitted for you.",
        hint="A hint", hint_doing="Moves are tried out",
        no_hint="No small move makes it better. Try a bold one, or a shape on the left.",
        hint_says="Try this: **{move}**.",
        to_best="Back to the best", fit="Fit it for me", fit_doing="The lens is fitted", again="Start again",
        fitted="The computer's lens. With real lenses it may not be perfect either: galaxies are no simple shapes.",
        reveal="Show the answer", truth="The true lens is yours now.", number="number", true="true", you="yours",
        clump_truth="The clump sits {away:.2f}″ from your circle. Its mass: {mass} suns, a share of {share:.1%} of all "
                    "mass inside the ring.",
        about="**{name}**, seen by {instrument}. {light}",
        light="Light of the lens was {lens:.1f} billion years on its way, that of the galaxy behind {source:.1f}.",
        j0946="In the real lens SDSS J0946+1006 (it is in your folder) such a clump was found: 3.5 thousand million "
              "suns, 1.2″ from the middle of the lens (Vegetti and others 2010, Monthly Notices 408, 1969). Nobody has "
              "seen any light of it. Later work agrees on the place, and argues how dense it is.",
        moves={"bigger": "a larger ring (more mass)", "smaller": "a smaller ring (less mass)",
               "right": "the star to the right", "left": "the star to the left", "up": "the star up",
               "down": "the star down", "lens_right": "the lens to the right", "lens_left": "the lens to the left",
               "lens_up": "the lens up", "lens_down": "the lens down", "rounder": "a rounder lens",
               "flatter": "a flatter lens", "turn_left": "turn the knob against the clock",
               "turn_right": "turn the knob with the clock", "wider": "a larger source", "narrower": "a smaller source",
               "clump_right": "the clump to the right", "clump_left": "the clump to the left",
               "clump_up": "the clump up", "clump_down": "the clump down"}),
    "de": dict(
        title="Kannst du dieselbe Linse bauen?",
        games={"match": "Eine Linse nachbauen", "clump": "Den dunklen Klumpen finden"},
        which="Diese Linse nachbauen", mystery="Rätsellinse {number}", hunt="Suche {number}",
        target="Die Vorlage", yours="Deine: Zieh Stern, Linse und Knopf",
        lead="Dreh deine Linse, bis sich die Bilder gleichen. Zuerst die Größe des Rings, dann den Ort des Sterns, "
             "dann die Formen links.",
        lead_clump="Irgendwo auf diesem Ring sitzt ein dunkler Klumpen. Alles andere kennst du. Zieh den grünen Kreis, "
                   "bis χ² so klein ist, wie es geht.",
        shapes={"lens.q": "Linse: wie rund (1 ist rund)", "source.R_sersic": "Quelle: halbes Licht in Radius (″)",
                "source.q": "Quelle: wie rund", "source.phi": "Quelle: Richtung"},
        score="Erklärt", score_help="Wie viel von dem, was deine erste Linse falsch machte, jetzt stimmt: 100 %, wenn "
                                    "nur noch Rauschen übrig ist.",
        best="Bisher am besten", chi2="χ² je Pixel", chi2_help="Wie weit deine Linse vom Bild entfernt ist, gemessen "
                                                                "am Rauschen. 1 ist perfekt.",
        residual="Was übrig ist: χ² = {chi2:.2f} je Pixel", residual_alt="Bild minus deine Linse, gemessen am Rauschen",
        look="Weiß ist gut. Blau: Dort hast du zu viel Licht; rot: zu wenig. Die Helligkeit stellt der Rechner ein.",
        hint="Ein Tipp", hint_doing="Züge werden ausprobiert",
        no_hint="Kein kleiner Zug macht es besser. Versuch einen großen, oder eine Form links.",
        hint_says="Versuch: **{move}**.",
        to_best="Zurück zur besten", fit="Lass den Rechner", fit_doing="Die Linse wird angepasst", again="Von vorn",
        fitted="Die Linse des Rechners. Bei echten Linsen ist auch sie nicht perfekt: Galaxien sind keine einfachen "
               "Formen.",
        reveal="Zeig die Lösung", truth="Die wahre Linse ist jetzt deine.", number="Zahl", true="wahr", you="deine",
        clump_truth="Der Klumpen sitzt {away:.2f}″ von deinem Kreis. Seine Masse: {mass} Sonnen, das sind {share:.1%} "
                    "der Masse im Ring.",
        about="**{name}**, gesehen von {instrument}. {light}",
        light="Das Licht der Linse war {lens:.1f} Milliarden Jahre unterwegs, das der Galaxie dahinter {source:.1f}.",
        j0946="In der echten Linse SDSS J0946+1006 (sie liegt in deinem Ordner) wurde so ein Klumpen gefunden: 3,5 "
              "Milliarden Sonnenmassen, 1,2″ von der Mitte der Linse (Vegetti und andere 2010, Monthly Notices 408, "
              "1969). Licht von ihm hat niemand gesehen. Spätere Arbeiten sind sich über den Ort einig und streiten, "
              "wie dicht er ist.",
        moves={"bigger": "ein größerer Ring (mehr Masse)", "smaller": "ein kleinerer Ring (weniger Masse)",
               "right": "den Stern nach rechts", "left": "den Stern nach links", "up": "den Stern nach oben",
               "down": "den Stern nach unten", "lens_right": "die Linse nach rechts",
               "lens_left": "die Linse nach links", "lens_up": "die Linse nach oben",
               "lens_down": "die Linse nach unten", "rounder": "eine rundere Linse", "flatter": "eine flachere Linse",
               "turn_left": "den Knopf gegen die Uhr drehen", "turn_right": "den Knopf mit der Uhr drehen",
               "wider": "eine größere Quelle", "narrower": "eine kleinere Quelle",
               "clump_right": "den Klumpen nach rechts", "clump_left": "den Klumpen nach links",
               "clump_up": "den Klumpen nach oben", "clump_down": "den Klumpen nach unten"}),
}
