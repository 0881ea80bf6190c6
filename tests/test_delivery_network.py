"""Distances: over the globe, from a file, from a server; and the places they join."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goeswith.errors import DataError
from goeswith.scenarios.delivery.network import NO_ROAD, Roads, network_of
from goeswith.scenarios.places import check_places, great_circle_km

IDS, LATS, LONS = ("depot", "a", "b"), (50.0, 50.0, 50.1), (8.0, 8.1, 8.0)
degrees = st.tuples(st.floats(-90, 90), st.floats(-180, 180))


def matrix(tmp_path, text, name="km.csv"):
    (tmp_path / name).write_text(text)
    return Roads("matrix", str(tmp_path / name), speed_kmh=60.0)


# --- great circles


def test_a_degree_along_the_equator_is_a_360th_of_the_way_around():
    around = 2 * np.pi * 6371.0088

    np.testing.assert_allclose(great_circle_km([0, 0], [0, 1])[0, 1], around / 360)


@given(degrees, degrees, degrees)
def test_great_circles_are_a_metric(a, b, c):
    km = great_circle_km(*zip(a, b, c, strict=True))

    np.testing.assert_allclose(km, km.T, atol=1e-6)
    assert (km >= 0).all() and (km <= np.pi * 6371.01).all()
    assert km[0, 2] <= km[0, 1] + km[1, 2] + 1e-6


def test_a_road_is_longer_than_the_great_circle_by_the_detour():
    straight = network_of(IDS, LATS, LONS, Roads(detour=1.0, speed_kmh=36.0))
    winding = network_of(IDS, LATS, LONS, Roads(detour=1.5, speed_kmh=36.0))

    np.testing.assert_allclose(winding.metres, 1.5 * straight.metres, atol=1)
    np.testing.assert_allclose(straight.seconds, straight.metres / 10, atol=1)  # 36 km/h is 10 m/s


# --- a file


def test_a_matrix_is_read_by_its_ids_in_any_order(tmp_path):
    roads = matrix(tmp_path, ",b,depot,a\na,3,1,0\nb,0,2,3\ndepot,2,0,1\n")

    net = network_of(IDS, LATS, LONS, roads)

    assert net.metres.tolist() == [[0, 1000, 2000], [1000, 0, 3000], [2000, 3000, 0]]
    assert net.seconds[0, 1] == 60  # a kilometre at 60 km/h


def test_minutes_beside_the_matrix_are_taken(tmp_path):
    roads = matrix(tmp_path, ",depot,a\ndepot,0,1\na,1,0\n")
    matrix(tmp_path, ",depot,a\ndepot,0,7\na,8,0\n", "km-minutes.csv")

    assert network_of(("depot", "a"), LATS[:2], LONS[:2], roads).seconds.tolist() == [[0, 420], [480, 0]]


@pytest.mark.parametrize(
    "text, told",
    [
        (",depot,a,b\ndepot,0,1,2\na,1,0,3\n", "not square: 2 rows and 3 columns of places (b on one side only)"),
        (",depot,a,b\ndepot,0,1,2\na,1,0,\nb,2,x,0\n", "2 distances are missing (a to b, b to a)"),
        (",depot,a\ndepot,0,1\na,1,0\n", "the matrix lacks b"),
        (",depot,a,b\ndepot,0,1,2\na,1,0,-3\nb,2,3,0\n", "a to b is -3"),
    ],
    ids=["not square", "holes", "a place missing", "below nothing"],
)
def test_a_matrix_that_cannot_be_used_says_where(tmp_path, text, told):
    with pytest.raises(DataError) as refused:
        network_of(IDS, LATS, LONS, matrix(tmp_path, text))

    assert told in str(refused.value)


def test_inf_in_a_matrix_means_no_road(tmp_path):
    net = network_of(("depot", "a"), LATS[:2], LONS[:2], matrix(tmp_path, ",depot,a\ndepot,0,inf\na,1,0\n"))

    assert net.metres[0, 1] == NO_ROAD and net.metres[1, 0] == 1000


def test_a_matrix_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DataError, match=r"none\.csv"):
        network_of(IDS, LATS, LONS, Roads("matrix", str(tmp_path / "none.csv")))


def test_a_closed_road_is_closed_both_ways():
    net = network_of(IDS, LATS, LONS).closed([("a", "b")])

    assert net.metres[1, 2] == net.metres[2, 1] == NO_ROAD
    assert net.metres[0, 1] < NO_ROAD
    with pytest.raises(DataError, match="c is no place"):
        net.closed([("a", "c")])


# --- a server


@pytest.fixture
def osrm():
    """A server of OSRM's form that answers with what it is given."""
    said = {}

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self):
            said["asked"] = self.path
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(said["answer"]).encode())

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    said["address"] = f"http://127.0.0.1:{server.server_port}"
    yield said
    server.shutdown()
    server.server_close()


def test_a_server_is_asked_for_longitude_before_latitude_and_null_is_no_road(osrm):
    osrm["answer"] = {"code": "Ok", "durations": [[0, 60.4], [None, 0]], "distances": [[0, 900.6], [None, 0]]}

    net = network_of(("depot", "a"), LATS[:2], LONS[:2], Roads("osrm", osrm["address"]))

    assert osrm["asked"].startswith("/table/v1/driving/8.000000,50.000000;8.100000,50.000000")
    assert net.metres.tolist() == [[0, 901], [NO_ROAD, 0]] and net.seconds[0, 1] == 60


@pytest.mark.parametrize(
    "answer, told",
    [
        ({"code": "TooBig", "message": "Too many table coordinates"}, "Too many table coordinates"),
        ({"code": "Ok", "durations": [[0]], "distances": [[0]]}, "not square"),
    ],
)
def test_a_server_that_refuses_is_quoted(osrm, answer, told):
    osrm["answer"] = answer

    with pytest.raises(DataError, match=told):
        network_of(IDS, LATS, LONS, Roads("osrm", osrm["address"]))


def test_a_server_that_is_down_is_named_with_the_way_out():
    with pytest.raises(DataError, match=r"127\.0\.0\.1:9: the routing server does not answer.*leave --osrm out"):
        network_of(IDS, LATS, LONS, Roads("osrm", "http://127.0.0.1:9"))


# --- places that cannot be meant


@pytest.mark.parametrize(
    "lat, lon, told",
    [
        (135.5, 34.7, "look swapped. Write latitude 34.7, longitude 135.5"),
        (8.1, 50.0, "look swapped. Write latitude 50, longitude 8.1"),
        (40.7, -74.0, "km away from the rest, perhaps on another continent"),
        (95.0, 200.0, "not on the globe"),
        (None, 8.0, "has no coordinates"),
        (float("nan"), 8.0, "has no coordinates"),
    ],
)
def test_coordinates_that_cannot_be_meant_are_refused(lat, lon, told):
    with pytest.raises(DataError) as refused:
        check_places("stops.csv", ["x"], [lat], [lon], near=([50.0], [8.0]))

    assert str(refused.value).startswith("stops.csv: x ") and told in str(refused.value)


def test_without_an_anchor_the_odd_one_out_is_found():
    with pytest.raises(DataError, match=r"c .*another continent"):
        check_places("stops.csv", ["a", "b", "c"], [50.0, 50.1, -33.9], [8.0, 8.1, 151.2])
