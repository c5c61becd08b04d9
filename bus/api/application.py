"""The API as an ASGI application: the table of operations behind the door."""

from bus.api.call import Answer, Call
from bus.api.door import API_VERSION, Door
from bus.api.house import House
from bus.api.openapi import build
from bus.api.operation import Content, Operation, Outcome
from bus.api.table import DESCRIBED, MACHINE


def application(house: House) -> Door:
    """Give the application over an opened house."""
    document = b""

    async def show(_: Call) -> Answer:
        return Answer(200, document)

    description = Operation(
        method="GET",
        path="/v1/openapi.json",
        name="getDescription",
        handler=show,
        roles=None,
        tag="Beschrijving",
        summary="Toon deze beschrijving",
        outcomes={200: Outcome("Het OpenAPI-document.", Content("OpenApi"))},
    )
    described = (*DESCRIBED, description)
    document = build(
        described, version=API_VERSION, public_url=house.public_url, contact=house.contact
    )
    return Door(house, (*described, *MACHINE))
