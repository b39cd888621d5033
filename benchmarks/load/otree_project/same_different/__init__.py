"""The least oTree app that asks 50 times whether two pictures are the same or different: a page with one field."""

from otree.api import BaseConstants, BaseGroup, BasePlayer, BaseSubsession, Page, models, widgets


class C(BaseConstants):
    NAME_IN_URL = "same_different"
    PLAYERS_PER_GROUP = None
    NUM_ROUNDS = 50


class Subsession(BaseSubsession):
    pass


class Group(BaseGroup):
    pass


class Player(BasePlayer):
    response = models.StringField(choices=["same", "different"], widget=widgets.RadioSelect)
    reaction_time_ms = models.FloatField()


class Trial(Page):
    form_model = "player"
    form_fields = ["response", "reaction_time_ms"]  # noqa: RUF012 - oTree's own way


page_sequence = [Trial]
