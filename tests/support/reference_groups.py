"""Positions of reference groups, as a knowledge release of the ancestry interpreter holds them, rounded."""

from __future__ import annotations

from interpreters.findings import GroupPosition, Region

R = Region
# fmt: off
WORLD = (
    GroupPosition("AFR_W", R.SUB_SAHARAN_AFRICA, "West Africa", 443, (0.654, 0.140, -0.021, -0.015)),
    GroupPosition("AFR_E", R.SUB_SAHARAN_AFRICA, "East and southern Africa", 117, (0.630, 0.132, -0.018, -0.014)),
    GroupPosition("AFR_Biaka", R.SUB_SAHARAN_AFRICA, "Central Africa, west", 24, (0.673, 0.157, -0.023, -0.006)),
    GroupPosition("AFR_Mbuti", R.SUB_SAHARAN_AFRICA, "Central Africa, east", 10, (0.673, 0.165, -0.026, -0.004)),
    GroupPosition("EUR_NW", R.EUROPE, "North-west Europe", 227, (-0.043, -0.212, -0.012, 0.005)),
    GroupPosition("EUR_Fin", R.EUROPE, "Finland", 99, (-0.067, -0.179, -0.017, 0.001)),
    GroupPosition("EUR_E", R.EUROPE, "Eastern Europe", 23, (-0.068, -0.173, -0.018, 0.001)),
    GroupPosition("EUR_Iber", R.EUROPE, "Iberia", 129, (-0.027, -0.217, -0.008, 0.001)),
    GroupPosition("EUR_Ital", R.EUROPE, "Italy", 123, (-0.029, -0.217, -0.005, -0.000)),
    GroupPosition("EUR_Sard", R.EUROPE, "Sardinia", 24, (-0.021, -0.228, -0.003, -0.003)),
    GroupPosition("EUR_Cauc", R.EUROPE, "North Caucasus", 15, (-0.047, -0.179, -0.001, -0.004)),
    GroupPosition("MENA_Bed", R.MIDDLE_EAST_AND_NORTH_AFRICA, "Levant, Negev", 44, (0.063, -0.168, 0.002, -0.007)),
    GroupPosition("MENA_Dru", R.MIDDLE_EAST_AND_NORTH_AFRICA, "Levant, Carmel", 40, (0.000, -0.198, 0.002, -0.005)),
    GroupPosition("MENA_Pal", R.MIDDLE_EAST_AND_NORTH_AFRICA, "Levant, central", 43, (0.039, -0.175, 0.003, -0.006)),
    GroupPosition("MENA_NAf", R.MIDDLE_EAST_AND_NORTH_AFRICA, "North Africa", 26, (0.165, -0.122, -0.007, -0.006)),
    GroupPosition("SAS_Bal", R.SOUTHERN_ASIA, "South-west Pakistan", 68, (-0.016, -0.128, 0.009, -0.007)),
    GroupPosition("SAS_NW", R.SOUTHERN_ASIA, "Punjab, Sindh and north-west", 140, (-0.058, -0.091, 0.019, -0.012)),
    GroupPosition("SAS_Bur", R.SOUTHERN_ASIA, "Hunza", 22, (-0.083, -0.076, 0.012, -0.018)),
    GroupPosition("SAS_Kal", R.SOUTHERN_ASIA, "Chitral", 21, (-0.061, -0.125, 0.009, -0.004)),
    GroupPosition("SAS_S", R.SOUTHERN_ASIA, "West and south India, Sri Lanka", 307, (-0.078, -0.045, 0.036, -0.020)),
    GroupPosition("SAS_E", R.SOUTHERN_ASIA, "Bengal", 86, (-0.100, -0.011, 0.035, -0.033)),
    GroupPosition("EAS_C", R.EASTERN_AND_NORTHERN_ASIA, "China", 294, (-0.264, 0.237, 0.017, -0.160)),
    GroupPosition("EAS_Jpn", R.EASTERN_AND_NORTHERN_ASIA, "Japan", 131, (-0.262, 0.238, 0.011, -0.156)),
    GroupPosition("EAS_SE", R.EASTERN_AND_NORTHERN_ASIA, "South-east Asia", 211, (-0.254, 0.229, 0.027, -0.155)),
    GroupPosition("EAS_N", R.EASTERN_AND_NORTHERN_ASIA, "North-east Asia", 38, (-0.254, 0.210, 0.003, -0.139)),
    GroupPosition("EAS_Yak", R.EASTERN_AND_NORTHERN_ASIA, "Siberia", 23, (-0.227, 0.162, -0.012, -0.108)),
    GroupPosition("OCE_Pap", R.OCEANIA, "New Guinea", 14, (-0.108, 0.169, 0.360, 0.216)),
    GroupPosition("OCE_Mel", R.OCEANIA, "Island Melanesia", 11, (-0.138, 0.181, 0.308, 0.153)),
    GroupPosition("AMR_Pim", R.AMERICAS, "Northern Mexico", 12, (-0.237, 0.185, -0.234, 0.171)),
    GroupPosition("AMR_May", R.AMERICAS, "Southern Mexico", 19, (-0.207, 0.147, -0.199, 0.144)),
    GroupPosition("AMR_S", R.AMERICAS, "Amazonia and Colombia", 20, (-0.251, 0.191, -0.247, 0.191)),
)
CORE = (
    GroupPosition("AFR_W_coast", R.SUB_SAHARAN_AFRICA, "AFR_W_coast", 175, (0.319, -0.022, 0.012, -0.005)),
    GroupPosition("AFR_W_far", R.SUB_SAHARAN_AFRICA, "AFR_W_far", 165, (0.314, -0.018, 0.011, -0.005)),
    GroupPosition("AFR_E", R.SUB_SAHARAN_AFRICA, "AFR_E", 83, (0.296, -0.016, 0.010, -0.005)),
    GroupPosition("EUR_NW", R.EUROPE, "EUR_NW", 158, (-0.077, 0.198, 0.026, -0.082)),
    GroupPosition("EUR_Fin", R.EUROPE, "EUR_Fin", 82, (-0.085, 0.179, 0.032, -0.099)),
    GroupPosition("EUR_S", R.EUROPE, "EUR_S", 182, (-0.065, 0.188, 0.019, -0.071)),
    GroupPosition("EAS_N", R.EASTERN_AND_NORTHERN_ASIA, "EAS_N", 176, (-0.106, -0.196, -0.033, -0.071)),
    GroupPosition("EAS_SE", R.EASTERN_AND_NORTHERN_ASIA, "EAS_SE", 160, (-0.103, -0.190, -0.043, -0.066)),
    GroupPosition("EAS_Jpn", R.EASTERN_AND_NORTHERN_ASIA, "EAS_Jpn", 87, (-0.106, -0.196, -0.029, -0.069)),
    GroupPosition("SAS_NW", R.SOUTHERN_ASIA, "SAS_NW", 79, (-0.067, 0.059, -0.066, 0.086)),
    GroupPosition("SAS_W", R.SOUTHERN_ASIA, "SAS_W", 87, (-0.068, 0.053, -0.074, 0.102)),
    GroupPosition("SAS_S", R.SOUTHERN_ASIA, "SAS_S", 172, (-0.063, 0.030, -0.079, 0.104)),
    GroupPosition("SAS_E", R.SOUTHERN_ASIA, "SAS_E", 70, (-0.070, 0.011, -0.074, 0.086)),
    GroupPosition("AMR", R.AMERICAS, "AMR", 0, (-0.119, -0.079, 0.289, 0.095)),
)
# fmt: on
