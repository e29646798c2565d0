"""任职管理: the system administrator finds an office, makes its posts, appoints and ends; whoever gives rights does not hold others (三权分立)."""

from dataclasses import dataclass

from django import forms
from django.contrib import messages as flash
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from yiwang.base.errors import Conflict, Invalid, NotAllowed, NotFound, YiwangError
from yiwang.engines.parties import api as parties
from yiwang.engines.parties.models import Membership, Organisation, Post
from yiwang.kit.access import restrict
from yiwang.kit.actors import Actor
from yiwang.kit.guards import actor_of
from yiwang.kit.registry import registry
from yiwang.platforms.identity.assurance import second_factor

SHOWN = 30


class AppointForm(forms.Form):
    """Who takes which post, since when."""

    post = forms.ModelChoiceField(Post.objects.none(), label="岗位", empty_label="请选择", error_messages={"required": "请选择岗位。"})
    name = forms.CharField(label="姓名", max_length=60, error_messages={"required": "请填写姓名。"})
    number = forms.CharField(label="公民身份号码", max_length=18, error_messages={"required": "请填写公民身份号码。"})
    since = forms.DateField(
        label="从哪一天起", widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"), initial=timezone.localdate, error_messages={"required": "请选择日期。"}
    )

    def __init__(self, organ: Organisation, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # what a form takes
        field = self.fields["post"]
        field.queryset = Post.objects.filter(organisation=organ).order_by("title")  # type: ignore[attr-defined]  # a ModelChoiceField
        field.label_from_instance = lambda post: post.title  # type: ignore[attr-defined]


class PostForm(forms.Form):
    """A new place in the office."""

    title = forms.CharField(label="岗位名称", max_length=60, help_text="例如 综合窗口。", error_messages={"required": "请填写岗位名称。"})
    roles = forms.MultipleChoiceField(label="角色", widget=forms.CheckboxSelectMultiple, error_messages={"required": "至少选择一个角色。"})

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # what a form takes
        self.fields["roles"].choices = [(role.code, role.name) for role in registry().roles.values()]  # type: ignore[attr-defined]


class LeaveForm(forms.Form):
    """The last day."""

    until = forms.DateField(label="任职到哪一天", error_messages={"required": "请选择最后一天。", "invalid": "日期不正确。"})


@dataclass(frozen=True)
class Place:
    """A post, what it may do, and who holds it today or from a later day."""

    post: Post
    roles: str
    holders: list[Membership]


@dataclass(frozen=True)
class PostsPage:
    q: str
    total: int
    offices: "QuerySet[Organisation]"


@dataclass(frozen=True)
class OfficePage:
    office: Organisation
    places: list[Place]
    past: list[Membership]
    appoint: AppointForm
    make: PostForm


@second_factor
def posts(request: HttpRequest) -> HttpResponse:
    """Offices by name; without a name, those that have posts."""
    q = request.GET.get("q", "").strip()[:60]
    offices = restrict(actor_of(request), Organisation.objects.all()).annotate(count=Count("posts"))
    found = offices.filter(Q(name__icontains=q) | Q(key__icontains=q)) if q else offices.filter(count__gt=0)
    return render(request, "identity/posts.html", {"page": PostsPage(q, found.count(), found.order_by("division", "name")[:SHOWN])})


@second_factor
def office(request: HttpRequest, organ: int) -> HttpResponse:
    """The posts of an office; appoints."""
    found = _office(organ)
    form = AppointForm(found, request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            appoint(actor_of(request), **form.cleaned_data)
        except (Invalid, NotFound, Conflict) as problem:
            _show(form, problem)
        else:
            flash.success(request, f"{form.cleaned_data['name']} 已经任职。")
            return redirect("identity:office", organ=organ)
    return _page(request, found, form, PostForm())


@require_POST
@second_factor
def make(request: HttpRequest, organ: int) -> HttpResponse:
    """One more post."""
    found, form = _office(organ), PostForm(request.POST)
    if form.is_valid():
        try:
            made = parties.make_post(actor_of(request), organ=organ, **form.cleaned_data)
        except (Invalid, Conflict) as problem:
            _show(form, problem)
        else:
            flash.success(request, f"已经设立岗位“{made.title}”。")
            return redirect("identity:office", organ=organ)
    return _page(request, found, AppointForm(found), form)


@require_POST
@second_factor
def leave(request: HttpRequest, membership: int) -> HttpResponse:
    """Ends an appointment."""
    actor, form = actor_of(request), LeaveForm(request.POST)
    held = restrict(actor, Membership.objects.select_related("post")).filter(pk=membership).first()
    if held is None:
        raise NotFound("没有这条任职记录。")
    if not form.is_valid():
        raise Invalid("请选择任职的最后一天。")
    parties.leave_post(actor, membership, until=form.cleaned_data["until"])
    flash.success(request, "离任已经登记。")
    return redirect("identity:office", organ=held.post.organisation_id)


def appoint(actor: Actor, *, post: Post, name: str, number: str, since: object) -> Membership:
    """Finds the person by name and number, and gives the post. Raises NotAllowed, NotFound, Conflict."""
    person = parties.candidate(actor, name=name, number=number)
    return parties.hold_post(actor, party=person.pk, post=post.pk, since=since)  # type: ignore[arg-type]  # a date, from the form


def _office(organ: int) -> Organisation:
    found = Organisation.objects.filter(pk=organ).first()
    if found is None:
        raise NotFound("没有找到这个机构。")
    return found


def _page(request: HttpRequest, found: Organisation, appoint_form: AppointForm, make_form: PostForm) -> HttpResponse:
    today, names = timezone.localdate(), registry().roles
    held = list(restrict(actor_of(request), Membership.objects.filter(post__organisation=found).select_related("party", "post")).order_by("-valid_from"))
    now = [m for m in held if m.valid_to is None or m.valid_to >= today]
    places = [
        Place(post, "、".join(names[role].name if role in names else role for role in post.roles), [m for m in now if m.post_id == post.pk])
        for post in found.posts.order_by("title")
    ]
    page = OfficePage(found, places, [m for m in held if m not in now], appoint_form, make_form)
    return render(request, "identity/office.html", {"page": page}, status=422 if appoint_form.errors or make_form.errors else 200)


def _show(form: forms.Form, problem: YiwangError) -> None:
    if isinstance(problem, NotAllowed):
        raise problem
    for name, words in problem.fields.items():
        form.add_error(name, words)
    if not problem.fields:
        form.add_error("number" if "number" in form.fields else None, f"{problem.message}{problem.hint}")
