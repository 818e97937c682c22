"""The second domain: CMS-like images of particle jets (Pythia 8 and a parametrised detector). Knows no lens.

events -> detector -> sparse -> images -> observables; draw and files make and keep sets, open_data reads those of CMS.

Energies are in GeV with c = 1, transverse momenta p_T too; eta is pseudorapidity, phi the azimuth in radians. Images
are (n, 3, rows, columns): rows grow with eta, columns with phi, channels are tracks (p_T), ECAL and HCAL (E_T).
"""

FLAVOURS = ("quark", "gluon", "top")
CHANNELS = ("tracks", "ecal", "hcal")
SPLITS = ("train", "validation", "test")
